"""What the four EXIF tests share: the rule, for whichever kind of image group it is."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.contract import ImageTest
from ao_workflows.audit.images import ImageFacts
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.works import ImageGroup

_UPRIGHT = frozenset({None, 0, 1})
"""Values of the tag Orientation by which a viewer leaves an image as it is; 0 is not defined, and ignored."""


class MetadataTest(ImageTest):
    """A test of what an image's metadata say; metadata that cannot be read are a finding, and not a pass.

    :cvar error: its one error number.
    """

    error: ClassVar[int]

    @abstractmethod
    def problem(self, image: ImageFacts) -> str | None:
        """Return what is wrong with metadata that can be read, in a sentence; ``None`` if nothing is."""

    def check(self, image: ImageFacts, group: ImageGroup, properties: AuditProperties) -> Iterator[tuple[int, str]]:
        """See the contract."""
        del group, properties
        if problem := unreadable(image) or self.problem(image):
            yield self.error, problem


class OrientationTest(MetadataTest):
    """Metadata can be read, and no viewer turns the image: some obey EXIF's Orientation, and some do not."""

    def problem(self, image: ImageFacts) -> str | None:
        """See the base class."""
        if image.orientation in _UPRIGHT:
            return None
        return f"{image.name!r} has the EXIF orientation {image.orientation}; it has to be 1, 0 or none."


class ThumbnailTest(MetadataTest):
    """No smaller version of the image is embedded in it: it is out of date as soon as the image is edited."""

    def problem(self, image: ImageFacts) -> str | None:
        """See the base class."""
        return f"{image.name!r} has a thumbnail embedded in it." if image.has_thumbnail else None


def unreadable(image: ImageFacts) -> str | None:
    """Return the sentence for an image whose metadata cannot be seen, ``None`` if they can."""
    if image.format is None:
        return f"{image.name!r} {image.problem}, so that its metadata cannot be read."
    if image.metadata_problem is not None:
        return f"The EXIF data of {image.name!r} cannot be read: {image.metadata_problem}."
    return None
