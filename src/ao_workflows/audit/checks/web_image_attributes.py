"""WebImageAttributes: web images are of the two kinds that every part of the web site can show."""

from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.contract import IMAGES, ImageTest
from ao_workflows.audit.images import GROUP_4, JPEG, TIFF, ImageFacts
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.works import ImageGroup


class WebImageAttributes(ImageTest):
    """The content of each web image is JPEG or TIFF, and a TIFF in black and white is packed by CCITT Group 4."""

    key = "WebImageAttributes"
    summary = "Web images are JPEG, or TIFF; bilevel TIFF is packed by CCITT Group 4."
    kinds = (IMAGES,)
    errors: ClassVar = {
        110: "A web image is neither JPEG nor TIFF.",
        111: "A bilevel TIFF is not packed by CCITT Group 4.",
    }

    def check(self, image: ImageFacts, group: ImageGroup, properties: AuditProperties) -> Iterator[tuple[int, str]]:
        """See the contract."""
        del group, properties
        if image.format is None:
            yield 110, f"{image.name!r} {image.problem}."
        elif image.format not in {JPEG, TIFF}:
            yield 110, f"{image.name!r} is {image.format}; web images are JPEG or TIFF."
        elif image.format == TIFF and image.is_bilevel and image.compression != GROUP_4:
            found = f"compression {image.compression}"
            yield 111, f"{image.name!r} is a bilevel TIFF with {found}; it has to be CCITT Group 4 ({GROUP_4})."
