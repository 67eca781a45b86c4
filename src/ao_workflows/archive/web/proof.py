"""Proving what another program has put onto the web: nothing but what the store tells of each object counts."""

import gzip
import io
import json
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ao_workflows.answering import Progress
from ao_workflows.archive.options import WebOptions
from ao_workflows.archive.web import volume_manifest
from ao_workflows.archive.web.publish import WebFile, WebVolume, read_image, threads_for
from ao_workflows.crew import in_order
from ao_workflows.errors import Finding
from ao_workflows.storage import ObjectChanged, ObjectGone, ObjectInfo, ObjectNotRestored, WebStore, md5
from ao_workflows.works import Rid, web_images_prefix

WEB_OBJECT_MISSING = "web-object-missing"
WEB_OBJECT_DIFFERS = "web-object-differs"
WEB_MANIFEST_WRONG = "web-manifest-wrong"

LARGEST_MANIFEST = 8 << 20
"""Bytes of a volume manifest, packed as well as unpacked: 100,000 images, of which a group has a few hundred."""

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class _Look:
    store: WebStore
    listed: Mapping[str, ObjectInfo]
    is_strict: bool


def verify_web(
    rid: Rid,
    volumes: Sequence[WebVolume],
    store: WebStore,
    *,
    options: WebOptions,
    progress: Progress | None = None,
) -> list[Finding]:
    """Return what the web lacks of a work's images: each object that is missing, or is not what it has to be.

    Each image has to be there with its size and, where the store can tell, its MD5; beside those of a group, a volume
    manifest that names them all. What the web has beyond that is not looked at. Where ``options.update`` is off, what
    is there with other content was left alone on purpose: only what is missing counts then.

    :param volumes: what has to be there; a group without images needs nothing.
    :param options: how it was to be published: its ``prefix``, ``update`` and ``at_once`` count.
    :param progress: called with the bytes of each image that has been dealt with since the last call.
    :returns: findings whose paths are those of the objects, relative to the work's place on the web. In works of layout
        V2, the files have others.
    :raises AoError: if the store does not answer, or an image cannot be read or is not what is on record of it.
    """
    volumes = [volume for volume in volumes if volume.files]
    if not volumes:
        return []
    place = f"{options.prefix}{web_images_prefix(rid)}"
    look = _Look(store, {info.key: info for info in store.list(place)}, options.update)
    findings: list[Finding] = []
    for volume in volumes:
        findings += _of_images(look, volume, f"{place}{volume.name}/", options.at_once, progress)
        names = {file.image.filename for file in volume.files}
        finding = _of_manifest(look, volume, f"{place}{volume.name}/{volume_manifest.NAME}", names)
        findings += [finding] if finding else []
    return findings


def _of_images(
    look: _Look, volume: WebVolume, place: str, at_once: int, progress: Progress | None
) -> Iterator[Finding]:
    def compare(file: WebFile) -> Finding | None:
        path = f"images/{volume.name}/{file.image.filename}"
        return _of_image(look, file, f"{place}{file.image.filename}", path)

    threads = threads_for(volume, at_once)
    with closing(in_order(compare, volume.files, threads=threads, stop=threading.Event())) as done:
        for file, finding in zip(volume.files, done, strict=True):
            if finding:
                yield finding
            if progress:
                progress(file.image.size)


def _of_image(look: _Look, file: WebFile, key: str, path: str) -> Finding | None:
    there = look.listed.get(key)
    if there is None:
        return _missing(path)
    if not look.is_strict:
        return None
    try:
        return _difference(look.store, there, file, path)
    except ObjectGone:
        return _missing(path)
    except ObjectChanged:
        return Finding(
            code=WEB_OBJECT_DIFFERS, path=path, message=f"{path!r} was replaced on the web while it was looked at."
        )


def _difference(store: WebStore, there: ObjectInfo, file: WebFile, path: str) -> Finding | None:
    if there.size != file.image.size:
        return _differs(path, "size", f"{file.image.size} bytes", f"{there.size} bytes")
    found = store.md5_of(there)
    if found is None:
        return None
    wanted = md5(read_image(file))
    # Whether it is one at all is asked only where it matters: that is a request for each image.
    if found == wanted or not store.is_sure_of_md5(there):
        return None
    return _differs(path, "MD5", wanted, found)


def _of_manifest(look: _Look, volume: WebVolume, key: str, images: set[str]) -> Finding | None:
    path = f"images/{volume.name}/{volume_manifest.NAME}"
    there = look.listed.get(key)
    if there is None:
        return _missing(path)
    if not look.is_strict:
        return None
    try:
        missing = sorted(images - _names_in(_content(look.store, there)))
        if not missing:
            return None
        wrong = f"does not name {len(missing)} of the {len(images)} images of its group, first {missing[0]!r}"
    except ObjectGone:
        return _missing(path)
    except ObjectChanged:
        wrong = "was replaced on the web while it was read"
    except ObjectNotRestored:
        wrong = "lies in Glacier, where no reader can get it"
    except ValueError as error:
        wrong = f"is no volume manifest: {error}"
    return Finding(code=WEB_MANIFEST_WRONG, path=path, message=f"{path!r} {wrong}.")


def _content(store: WebStore, info: ObjectInfo) -> bytes:
    if info.size > LARGEST_MANIFEST:
        raise ValueError(f"it has {info.size:,} bytes, and may have {LARGEST_MANIFEST:,}")
    return b"".join(store.stream(info, 0, info.size))


def _names_in(content: bytes) -> set[str]:
    """Return the file names in a volume manifest of a stranger. :raises ValueError: saying why it is none."""
    if content.startswith(_GZIP):
        try:
            # Some few bytes may unpack to more than any memory holds.
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(LARGEST_MANIFEST + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"it cannot be unpacked ({error})") from error
        if len(content) > LARGEST_MANIFEST:
            raise ValueError(f"it unpacks to more than {LARGEST_MANIFEST:,} bytes")
    try:
        entries = json.loads(content, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("its JSON is nested too deep") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is no text in Unicode") from error
    found = entries if isinstance(entries, list) else [None]
    names: list[Any] = [entry.get("filename") if isinstance(entry, dict) else None for entry in found]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("it is no JSON array of objects that have a filename each")
    return set(names)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _missing(path: str) -> Finding:
    return Finding(code=WEB_OBJECT_MISSING, path=path, message=f"{path!r} is missing on the web.")


def _differs(path: str, what: str, expected: str, found: str) -> Finding:
    return Finding(
        code=WEB_OBJECT_DIFFERS,
        path=path,
        message=f"{path!r} has another {what} on the web.",
        expected=expected,
        found=found,
    )
