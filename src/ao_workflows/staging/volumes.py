"""The image groups of a work as they are published: what is sent, and what readers' programs are told about it."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

from PIL.TiffImagePlugin import COMPRESSION_INFO

from ao_workflows.archive import Progress, is_litter, read_record, unchanged_copy
from ao_workflows.archive.web import MEDIA_TYPES, PageImage, WebFile, WebVolume
from ao_workflows.audit.images import Gallery, ImageFacts
from ao_workflows.errors import ContentRejected, Finding, SystemFailed
from ao_workflows.inventory import FileRecord
from ao_workflows.staging.seen_images import Seen
from ao_workflows.works import ImageGroup, Rid, read_structure

_IMAGES = "images"
_NOTHING: Seen = {}


class WebImageUnreadable(ContentRejected):
    """A file among the web images cannot be shown: readers would miss a page, and nobody would know."""

    code = "web-image-unreadable"


def volumes_of(
    work: Path, records: Mapping[str, FileRecord], seen: Seen = _NOTHING, *, progress: Progress | None = None
) -> list[WebVolume]:
    """Return the web images of a work, by image group, after a look at the header of each of which nothing is known.

    Left out are what a desktop or an editor left, whole groups too, and ``*.json``.

    :param work: its folder.
    :param records: what is on record of its files, by path, as far as there is a record.
    :param seen: what is known of its images: right for those that have the size and time of then.
    :param progress: called with the bytes of each image; what it raises ends the looking.
    :raises WebImageUnreadable: naming each file that is no image of a type that browsers or the image server know.
    :raises SystemFailed: if the disk does not give a folder or a file.
    """
    structure = read_structure(work)
    gallery = Gallery(jobs=os.cpu_count() or 1, known=lambda path: _known(work, path, seen), progress=progress)
    volumes, findings = [], []
    for group in structure.groups_of(_IMAGES):
        if is_litter(group.name):
            continue
        try:
            images = [image for image in gallery.images_of(group.path) if not is_litter(image.name)]
        except OSError as error:
            raise SystemFailed(
                f"{error.filename or group.path}: {error.strerror}.",
                action="Check the disk and the permissions, then retry.",
                code="publish-unreadable",
            ) from error
        findings += list(_unreadable(work, group, images))
        files = (_file(work, group, image, records) for image in images if image.format in MEDIA_TYPES)
        volumes.append(WebVolume(group.name, tuple(files)))
    if findings:
        more = f" ({len(findings) - 1} more of the kind.)" if len(findings) > 1 else ""
        raise WebImageUnreadable(
            f"{work.name} cannot be published: {findings[0].message}{more}",
            action="Mend or remove the file, and deliver the work again. Nothing was sent.",
            findings=findings,
        )
    return volumes


@dataclass(frozen=True, slots=True)
class WebImages:
    """What the web has to have of a work, as it was when somebody looked.

    :param volumes: by image group.
    :param kept: makes sure, during a block, that nothing of it changes: for what is read from the archive.
    """

    volumes: Sequence[WebVolume]
    kept: Callable[[], AbstractContextManager[None]]


def look_at(
    source: Path, rid: Rid, mount: Path | None, seen: Seen = _NOTHING, *, progress: Progress | None = None
) -> WebImages:
    """Return the web images of the work ``rid``, as :func:`volumes_of` does.

    :param source: the work's folder, or its archive copy.
    :param mount: the archive mount that the copy is on; ``None`` for what is no copy.
    """
    if mount is None:
        return WebImages(volumes_of(source, {}, seen, progress=progress), nullcontext)
    records = read_record(source, rid, mount=mount)
    volumes = volumes_of(source, records, seen, progress=progress)
    return WebImages(volumes, lambda: unchanged_copy(source, rid, records, mount=mount))


def bytes_of(volumes: Iterable[WebVolume]) -> int:
    """Return how many bytes the images have together."""
    return sum(file.image.size for volume in volumes for file in volume.files)


def _known(work: Path, path: Path, seen: Seen) -> ImageFacts | None:
    """Return what is known of an image that was not touched since."""
    facts = seen.get((path.parent.relative_to(work).as_posix(), path.name))
    if facts is None:
        return None
    state = os.lstat(path)
    return facts if (state.st_size, state.st_mtime_ns) == (facts.size, facts.modified_ns) else None


def _unreadable(work: Path, group: ImageGroup, images: list[ImageFacts]) -> Iterator[Finding]:
    for image in images:
        path = (group.path / image.name).relative_to(work).as_posix()
        if not _is_for_the_web(path):
            message = f"{path!r} has a name that is not possible on the web: bytes that are no UTF-8, or controls."
            yield Finding(code=WebImageUnreadable.code, path=path, message=message)
        elif image.format not in MEDIA_TYPES:
            why = image.problem or f"is {image.format}, which is no image"
            yield Finding(code=WebImageUnreadable.code, path=path, message=f"{path!r} {why}.")


def _is_for_the_web(path: str) -> bool:
    """Tell whether readers' programs can be told the name: S3 and JSON take nothing but UTF-8, XML no controls."""
    return not any(category(letter) in {"Cc", "Cs"} for letter in path)


def _file(work: Path, group: ImageGroup, image: ImageFacts, records: Mapping[str, FileRecord]) -> WebFile:
    path = group.path / image.name
    known = records.get(path.relative_to(work).as_posix())
    compression = None if image.compression is None else COMPRESSION_INFO.get(image.compression)
    page = PageImage(
        filename=image.name,
        format=image.format or "",
        width=image.width,
        height=image.height,
        dpi=image.dpi[0] if image.dpi else None,
        size=image.size,
        compression=compression or (None if image.compression is None else str(image.compression)),
    )
    return WebFile(page, path, known.sha512 if known and known.size == image.size else None)
