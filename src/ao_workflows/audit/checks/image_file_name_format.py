"""ImageFileNameFormat: the name of a web image tells its image group and its page."""

from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.contract import IMAGES, ImageTest
from ao_workflows.audit.images import ImageFacts
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.works import ImageGroup, group_id, image_name_pattern


class ImageFileNameFormat(ImageTest):
    """A name is the group's id, at most one ``-`` or ``_``, four digits, a dot and an extension, in any case.

    The group's id is what follows the first ``-`` in the name of its folder.
    """

    key = "ImageFileNameFormat"
    summary = "Web images are named by their image group and a page number of four digits."
    kinds = (IMAGES,)
    errors: ClassVar = {119: "The name of a web image has not the right form."}

    def check(self, image: ImageFacts, group: ImageGroup, properties: AuditProperties) -> Iterator[tuple[int, str]]:
        """See the contract."""
        del properties
        if not image_name_pattern(group.name).fullmatch(image.name):
            yield 119, f"{image.name!r} is not named as in {group_id(group.name) + '0001.jpg'!r}."
