"""ImageIntegrity: every image can be unpacked to its last pixel."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from ao_workflows.audit.contract import ARCHIVE, IMAGES, ImageTest
from ao_workflows.audit.images import ImageFacts
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.works import ImageGroup

_SUFFIXES = {
    "JPEG": frozenset({".jpg", ".jpeg"}),
    "TIFF": frozenset({".tif", ".tiff", ".dng", ".nef", ".cr2", ".arw"}),
    "JPEG2000": frozenset({".jp2", ".j2k", ".jpf", ".jpx"}),
    "PNG": frozenset({".png"}),
    "GIF": frozenset({".gif"}),
}
"""How names of each format end; raw formats of cameras have the structure of a TIFF."""


class ImageIntegrity(ImageTest):
    """Each image is unpacked completely: what was cut off or damaged before it was bagged has a right checksum.

    A type that cannot be unpacked here is an error and not a pass, and so is an image that would take too much memory.
    A name that ends in another type than its content is a warning.
    """

    key = "ImageIntegrity"
    summary = "Images can be unpacked completely, and are what their names say."
    kinds = (ARCHIVE, IMAGES)
    needs_pixels = True
    errors: ClassVar = {
        120: "An image is cut off or damaged.",
        121: "A file is no image of a type that can be unpacked.",
        122: "An image is of another type than its name says.",
        123: "An image is too large to be unpacked.",
    }
    warnings = frozenset({122})

    def check(self, image: ImageFacts, group: ImageGroup, properties: AuditProperties) -> Iterator[tuple[int, str]]:
        """See the contract."""
        del group, properties
        if image.format is None:
            yield 121, f"{image.name!r} {image.problem}."
            return
        if image.pixel_problem is not None:
            yield 120, f"{image.name!r} cannot be unpacked completely: {image.pixel_problem}."
        if image.is_too_large:
            yield 123, f"{image.name!r} has {image.width:,} by {image.height:,} pixels, too many to be unpacked."
        if PurePosixPath(image.name).suffix.lower() not in _SUFFIXES[image.format]:
            yield 122, f"{image.name!r} is {image.format} by its content."
