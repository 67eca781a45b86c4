"""ImageConsistency: the images of a group were made alike; what is not was often made by mistake."""

import statistics
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.contract import ARCHIVE, IMAGES, AuditedWork, AuditTest
from ao_workflows.audit.findings import AuditFinding
from ao_workflows.audit.images import ImageFacts

ENOUGH = 5
"""Images that a group must have before most of them can be called the rule."""


class ImageConsistency(AuditTest):
    """Pixel size, colours, bit depth and resolution of an image are those of nearly all others in its group.

    A page of half the width was cut, two pages in one were not; a stray greyscale page lost its red seals. Warnings:
    a cover or a folded map is different for a good reason. The property ``SizeOutlierRatio`` says from where on an
    image is half of the others, or twice as large, and ``MajorityShare`` how many images make a rule.
    """

    key = "ImageConsistency"
    summary = "The images of a group are about of one size, and of the same colours, bit depth and resolution."
    kinds = (ARCHIVE, IMAGES)
    errors: ClassVar = {
        140: "An image is about half or twice as large as the others of its group.",
        141: "An image has other colours, or another bit depth, than nearly all others of its group.",
        142: "An image says that it has another resolution than nearly all others of its group.",
    }
    warnings = frozenset({140, 141, 142})

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        for group in work.groups:
            images = [image for image in work.images_of(group) if image.width and image.height]
            if len(images) >= ENOUGH:
                properties = work.properties
                for image, error, message in (
                    *_sizes(images, properties.size_outlier_ratio),
                    *_colours(images, properties.majority_share),
                    *_resolutions(images, properties.majority_share),
                ):
                    yield self.finding(work, error, group.path / image.name, message)


def _sizes(images: list[ImageFacts], ratio: float) -> Iterator[tuple[ImageFacts, int, str]]:
    width, height = (statistics.median_low(getattr(image, side) for image in images) for side in ("width", "height"))
    for image in images:
        sides = ((image.width, width), (image.height, height))
        if any(min(found, usual) <= ratio * max(found, usual) for found, usual in sides):
            found = f"{image.width} by {image.height} pixels; {width} by {height} is usual in its group"
            yield image, 140, f"{image.name!r} has {found}."


def _colours(images: list[ImageFacts], most: float) -> Iterator[tuple[ImageFacts, int, str]]:
    kinds = [(image, (image.channels, image.bits)) for image in images]
    for image, (channels, bits), usual in _unlike_most(kinds, most):
        yield image, 141, f"{image.name!r} has {_kind(channels, bits)}; {_kind(*usual)} are usual in its group."


def _resolutions(images: list[ImageFacts], most: float) -> Iterator[tuple[ImageFacts, int, str]]:
    """Compare what images say of their resolution; many say nothing, which is no fault."""
    saying = [(image, image.dpi) for image in images if image.dpi is not None]
    if len(saying) >= ENOUGH:
        for image, (across, down), (usual, _) in _unlike_most(saying, most):
            found = f"{across} by {down}" if across != down else f"{across}"
            yield image, 142, f"{image.name!r} has {found} dots per inch; {usual} are usual in its group."


def _unlike_most(
    values: list[tuple[ImageFacts, tuple[int, int]]],
    most: float,
) -> Iterator[tuple[ImageFacts, tuple[int, int], tuple[int, int]]]:
    """Yield each image whose value is not that of most, with its value and theirs; none if there are no most."""
    (usual, count), *_ = Counter(value for _, value in values).most_common(1)
    if count >= most * len(values):
        yield from ((image, value, usual) for image, value in values if value != usual)


def _kind(channels: int, bits: int) -> str:
    return f"{channels} channel{'' if channels == 1 else 's'} of {bits} bit{'' if bits == 1 else 's'}"
