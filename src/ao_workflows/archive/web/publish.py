"""Sending a work's images to the web, each group's manifest after its images, and nothing that is there already."""

import hashlib
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ao_workflows.answering import Progress, ignored
from ao_workflows.archive.disk import ArchiveFailed
from ao_workflows.archive.options import Access, WebOptions
from ao_workflows.archive.web import iiif, volume_manifest
from ao_workflows.archive.web.volume_manifest import PageImage
from ao_workflows.crew import in_order
from ao_workflows.storage import ObjectInfo, Upload, WebStore, md5
from ao_workflows.whole_file import whole_file
from ao_workflows.works import Rid, web_images_prefix

_IN_MEMORY = 256 << 20
"""Bytes of all images on their way that are held in memory, at most, unless one alone is larger."""


@dataclass(frozen=True, slots=True)
class WebFile:
    """One image to be published.

    :param sha512: of its content, where that is on record; what has another is not sent.
    """

    image: PageImage
    path: Path
    sha512: str | None = None


@dataclass(frozen=True, slots=True)
class WebVolume:
    """One image group to be published. :param name: its folder's name."""

    name: str
    files: tuple[WebFile, ...]


@dataclass(slots=True)
class PublishResult:
    """What one publishing did.

    :param sent: objects that were sent, manifests among them.
    :param unchanged: objects that were right already.
    :param left: objects with other content that were left alone because ``update`` was off.
    :param removed: objects that were removed.
    :param bytes: size of what was sent.
    """

    rid: Rid
    address: str
    sent: int = 0
    unchanged: int = 0
    left: int = 0
    removed: int = 0
    bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The result as the command line prints it in JSON."""
        numbers = {name: getattr(self, name) for name in ("sent", "unchanged", "left", "removed", "bytes")}
        return {"rid": self.rid, "address": self.address} | numbers


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is known of an object that was sent once: as long as it has this eTag, it has that content."""

    etag: str
    sha512: str


@dataclass(slots=True)
class _Publishing:
    store: WebStore
    options: WebOptions
    there: Mapping[str, ObjectInfo]
    known: Mapping[str, _Sent]
    result: PublishResult
    records: dict[str, _Sent] = field(default_factory=dict)


def publish(
    rid: Rid,
    volumes: Sequence[WebVolume],
    store: WebStore,
    *,
    address: str,
    options: WebOptions,
    record: Path | None = None,
    progress: Progress | None = None,
) -> PublishResult:
    """Bring the work's images on the web up to date.

    What is there is found by one listing. An object that was sent before and still has the eTag of then is known by
    ``record``; any other of the right size is compared by its MD5. The manifest of a group is sent when all of its
    images are there, so that a reader never sees a page that is not. What is to be removed goes last.

    Started again after it was killed, it sends what is missing; after it succeeded, it sends nothing.

    :param address: how to name the place to a person.
    :param record: the file in which is kept what was sent; ``None`` to compare each time.
    :param progress: called with the bytes of images that were dealt with since the last call. What it raises ends the
        publishing; so that it can, it is called with 0 as well, by several threads at a time.
    :raises AoError: if the store or the disk fails.
    """
    # A manifest of nothing would tell readers that there are no images, where only this work has none.
    volumes = [volume for volume in volumes if volume.files]
    place = f"{options.prefix}{web_images_prefix(rid)}"
    there = {info.key: info for info in store.list(place)}
    job = _Publishing(store, options, there, _read(record), PublishResult(rid, address))
    wanted = set()
    for volume in volumes:
        wanted |= _send_volume(job, volume, f"{place}{volume.name}/", progress or ignored)
    gone = sorted(there.keys() - wanted) if options.replace else []
    if options.iiif_base is not None and volumes:
        _send_iiif(job, rid, volumes, place, must_fit=bool(gone))
    if gone:
        # The manifest of a group that is gone goes before the images that it names.
        manifests = [key for key in gone if key.endswith(f"/{volume_manifest.NAME}")]
        if manifests:
            store.delete(manifests)
        store.delete([key for key in gone if key not in set(manifests)])
        job.result.removed = len(gone)
    if record is not None and job.records != job.known:
        _write(record, job.records, options.access)
    return job.result


def _send_volume(job: _Publishing, volume: WebVolume, place: str, progress: Progress) -> set[str]:
    """Send a group's images, then its manifest; return the keys that it has on the web."""
    threads = threads_for(volume, job.options.at_once)
    keys = {f"{place}{file.image.filename}": file for file in volume.files}

    def deal_with(item: tuple[str, WebFile]) -> _Sent | None:
        progress(0)
        return _deal_with(job, *item)

    with closing(in_order(deal_with, list(keys.items()), threads=threads, stop=threading.Event())) as done:
        for (key, file), sent in zip(keys.items(), done, strict=True):
            _count(job, key, file, sent)
            progress(file.image.size)
    manifest = Upload(
        key=f"{place}{volume_manifest.NAME}",
        content=volume_manifest.volume_manifest(file.image for file in volume.files),
        content_type=volume_manifest.CONTENT_TYPE,
        content_encoding=volume_manifest.CONTENT_ENCODING,
    )
    wanted = {*keys, manifest.key}
    # An image that is to go must not be named any more, whatever else is left alone.
    loses = job.options.replace and any(key.startswith(place) for key in job.there.keys() - wanted)
    _send_made(job, manifest, must_fit=loses)
    return wanted


def threads_for(volume: WebVolume, at_once: int) -> int:
    """Return how many images of a group may be in memory at a time, ``at_once`` at most."""
    largest = max((file.image.size for file in volume.files), default=1)
    return max(1, min(at_once, _IN_MEMORY // max(largest, 1)))


def _deal_with(job: _Publishing, key: str, file: WebFile) -> _Sent | None:
    """Send an image unless the web has it; return what is known of the object then, ``None`` if it was left alone."""
    there, known = job.there.get(key), job.known.get(key)
    same_size = there is not None and there.size == file.image.size
    if there and known and same_size and (known.etag, known.sha512) == (there.etag, file.sha512):
        return known
    if there and not same_size and not job.options.update:
        return None
    content = read_image(file)
    if there and same_size and job.store.md5_of(there) == md5(content):
        return _Sent(there.etag, file.sha512 or "")
    if there and not job.options.update:
        return None
    etag = job.store.send(Upload(key=key, content=content, content_type=file.image.media_type))
    return _Sent(etag, file.sha512 or "")


def _count(job: _Publishing, key: str, file: WebFile, sent: _Sent | None) -> None:
    there = job.there.get(key)
    if sent is None:
        job.result.left += 1
        return
    if there is not None and there.etag == sent.etag:
        job.result.unchanged += 1
    else:
        job.result.sent += 1
        job.result.bytes += file.image.size
    if sent.sha512:
        job.records[key] = sent


def _send_made(job: _Publishing, upload: Upload, *, must_fit: bool) -> None:
    """Send an object that was made here, unless the web has it, or has another that is to be left alone.

    :param must_fit: another one is not left alone: it names what is about to go.
    """
    there, sha512 = job.there.get(upload.key), hashlib.sha512(upload.content).hexdigest()
    if there and (
        job.known.get(upload.key) == _Sent(there.etag, sha512)
        or (there.size == len(upload.content) and job.store.md5_of(there) == md5(upload.content))
    ):
        job.records[upload.key] = _Sent(there.etag, sha512)
        job.result.unchanged += 1
    elif there and not (job.options.update or must_fit):
        job.result.left += 1
    else:
        job.records[upload.key] = _Sent(job.store.send(upload), sha512)
        job.result.sent += 1
        job.result.bytes += len(upload.content)


def _send_iiif(job: _Publishing, rid: Rid, volumes: Sequence[WebVolume], place: str, *, must_fit: bool) -> None:
    key = f"{place.removesuffix('images/')}manifest.json"
    base = (job.options.iiif_base or "").rstrip("/")
    # The base stands for all that the target's name says, the prefix of its keys included.
    address, below = (f"{base}/{each.removeprefix(job.options.prefix)}" for each in (key, place.rstrip("/")))
    images = {volume.name: [file.image for file in volume.files] for volume in volumes}
    content = iiif.iiif_manifest(rid, images, address=address, images=below)
    job.there = {**job.there, **{info.key: info for info in job.store.list(key) if info.key == key}}
    _send_made(job, Upload(key=key, content=content, content_type=iiif.CONTENT_TYPE), must_fit=must_fit)


def read_image(file: WebFile) -> bytes:
    """Return the bytes of an image, which are those on record.

    :raises ArchiveFailed: (``publish-unreadable``) if it cannot be read, or changed since it was looked at;
        (``archive-file-damaged``) if something else is on record of it.
    """
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as opened:
            content = opened.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError as error:
        raise ArchiveFailed(
            f"{str(file.path)!r} could not be read to be published: {error.strerror or error}.",
            action="Check the disk and the permissions, then retry.",
            code="publish-unreadable",
        ) from error
    if len(content) != file.image.size:
        raise ArchiveFailed(
            f"{str(file.path)!r} changed while the work was published: it has {len(content):,} bytes, and had "
            f"{file.image.size:,}.",
            action="Find what writes into the work, then retry.",
            code="publish-unreadable",
        )
    if file.sha512 is not None and (found := hashlib.sha512(content).hexdigest()) != file.sha512:
        raise ArchiveFailed(
            f"{str(file.path)!r} is not published: its SHA-512 is {found}, and {file.sha512} is on record.",
            action="Check the archive's disk, and sync or deliver the work again: that mends the file.",
            code="archive-file-damaged",
        )
    return content


def _read(record: Path | None) -> dict[str, _Sent]:
    """Return what is on record; a record that cannot be read is as good as none: everything is compared then."""
    if record is None:
        return {}
    try:
        lines = [json.loads(line) for line in record.read_text("ascii").splitlines()]
        return {line["key"]: _Sent(str(line["etag"]), str(line["sha512"])) for line in lines}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _write(record: Path, sent: Mapping[str, _Sent], access: Access) -> None:
    what = "the record of what is on the web"
    with whole_file(record, what=what, make_folder=True, give=access.give_file) as file:
        file.writelines(_lines(sent))


def _lines(sent: Mapping[str, _Sent]) -> Iterator[str]:
    for key, each in sorted(sent.items()):
        yield json.dumps({"key": key, "etag": each.etag, "sha512": each.sha512}) + "\n"
