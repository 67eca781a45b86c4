"""FileSizeTests: web images are small enough for readers on slow lines."""

from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.contract import IMAGES, ImageTest
from ao_workflows.audit.images import ImageFacts
from ao_workflows.audit.properties import BAD_SIZE, MAXIMUM_IMAGE_FILE_SIZE, AuditProperties
from ao_workflows.works import ImageGroup


class FileSizeTests(ImageTest):
    """No web image is larger than the property ``MaximumImageFileSize`` allows."""

    key = "FileSizeTests"
    summary = "Web images are not larger than allowed."
    kinds = (IMAGES,)
    errors: ClassVar = {
        112: "A web image is too large.",
        BAD_SIZE: "The limit is no size: the audit does not begin.",
    }

    def check(self, image: ImageFacts, group: ImageGroup, properties: AuditProperties) -> Iterator[tuple[int, str]]:
        """See the contract."""
        del group
        allowed = properties.maximum_image_file_size
        if image.size > allowed:
            yield 112, f"{image.name!r} has {image.size:,} bytes; {MAXIMUM_IMAGE_FILE_SIZE} allows {allowed:,}."
