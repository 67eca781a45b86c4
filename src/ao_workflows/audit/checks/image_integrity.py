"""ImageIntegrity: every image can be unpacked to its last pixel, and every PDF to its last page."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from ao_workflows.audit.contract import ARCHIVE, IMAGES, AuditedWork, ImageTest, examining
from ao_workflows.audit.findings import AuditFinding
from ao_workflows.audit.images import RAW, SUFFIXES, TIFF, ImageFacts
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.works import ImageGroup

_SUFFIXES = {**SUFFIXES, TIFF: SUFFIXES[TIFF] | RAW}


class ImageIntegrity(ImageTest):
    """Each image is unpacked completely: what was cut off or damaged before it was bagged has a right checksum.

    A type that cannot be unpacked here is an error and not a pass, and so is an image that would take too much memory.
    A name that ends in another type than its content is a warning.

    Of a PDF each page is drawn, and the images on it are unpacked. That does not notice: damage within data of JPEG or
    JPEG 2000 that leaves them their length, which is true of such files, too; any damage of images that are packed by
    CCITT, JBIG2, LZW or run lengths; a font or a line of text that is missing from a page; masks, images in patterns,
    attachments, and forms that are nested more than 15 deep.

    Outside of the image groups, files are looked at whose names end as those of images or PDF do. The raw formats of
    cameras are left out there: many cannot be unpacked here, and are kept beside what was made of them.
    """

    key = "ImageIntegrity"
    summary = "Images and PDF can be unpacked completely, wherever they are, and are what their names say."
    kinds = (ARCHIVE, IMAGES)
    needs_pixels = True
    looks_elsewhere = True
    errors: ClassVar = {
        120: "An image or a PDF is cut off or damaged.",
        121: "A file is no image or PDF that can be unpacked.",
        122: "An image or a PDF is of another type than its name says.",
        123: "An image or a PDF is too large to be unpacked.",
    }
    warnings = frozenset({122})

    def check(self, image: ImageFacts, group: ImageGroup, properties: AuditProperties) -> Iterator[tuple[int, str]]:
        """See the contract."""
        del group, properties
        yield from _problems(image)

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        yield from super().run(work)
        for path, image in work.images_elsewhere():
            with examining(path):
                found = list(_problems(image))
            for error, message in found:
                yield self.finding(work, error, path, message)


def _problems(image: ImageFacts) -> Iterator[tuple[int, str]]:
    if image.format is None or image.problem is not None:
        yield 121, f"{image.name!r} {image.problem}."
        return
    if image.pixel_problem is not None:
        yield 120, f"{image.name!r} cannot be unpacked completely: {image.pixel_problem}."
    if image.given_up is not None:
        yield 123, f"{image.name!r} {image.given_up}."
    elif image.is_too_large:
        yield 123, f"{image.name!r} has {image.width:,} by {image.height:,} pixels, too many to be unpacked."
    if PurePosixPath(image.name).suffix.lower() not in _SUFFIXES[image.format]:
        yield 122, f"{image.name!r} is {image.format} by its content."
