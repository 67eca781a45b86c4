"""The volume manifest, ``dimensions.json``: what a reader's program wants to know of an image group's images."""

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

NAME = "dimensions.json"
CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "gzip"

LARGE = 1_000_000
"""Bytes from which on the size of an image is told."""

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "TIFF": "image/tiff",
    "PNG": "image/png",
    "GIF": "image/gif",
    "JPEG2000": "image/jp2",
}
"""The media type of each format that an image on the web may have."""

_SUFFIXES = {
    "JPEG": frozenset({".jpg", ".jpeg"}),
    "TIFF": frozenset({".tif", ".tiff"}),
    "PNG": frozenset({".png"}),
    "GIF": frozenset({".gif"}),
    "JPEG2000": frozenset({".jp2", ".j2k", ".jpx", ".jpf"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageImage:
    """One image of a group.

    :param format: what it is by its content: a key of :data:`MEDIA_TYPES`.
    :param width: pixels, as ``height``.
    :param dpi: dots per inch, across; ``None`` where the file does not say.
    :param size: bytes.
    :param compression: the name of a TIFF's compression, such as ``group4``.
    """

    filename: str
    format: str
    width: int
    height: int
    dpi: int | None
    size: int
    compression: str | None = None

    @property
    def media_type(self) -> str:
        """The media type of its content."""
        return MEDIA_TYPES[self.format]


def volume_manifest(images: Iterable[PageImage]) -> bytes:
    """Return the manifest of one group's images: a gzipped JSON array in file-name order, which is the page order.

    The same images give the same bytes.
    """
    entries = [_entry(image) for image in sorted(images, key=lambda image: image.filename)]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode("utf-8", "surrogateescape"), mtime=0)


def _entry(image: PageImage) -> dict[str, Any]:
    entry: dict[str, Any] = {"filename": image.filename, "width": image.width, "height": image.height}
    if image.dpi is not None:
        entry["dpi"] = image.dpi
    if image.size > LARGE:
        entry["size"] = image.size
    if PurePosixPath(image.filename).suffix.lower() not in _SUFFIXES[image.format]:
        entry["format"] = image.format
        if image.compression is not None:
            entry["compression"] = image.compression
    return entry
