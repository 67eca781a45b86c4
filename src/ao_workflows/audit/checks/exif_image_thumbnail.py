"""EXIFImageThumbnail: the rule of :mod:`~ao_workflows.audit.checks.exif`, for web images."""

from typing import ClassVar

from ao_workflows.audit.checks.exif import ThumbnailTest
from ao_workflows.audit.contract import IMAGES


class EXIFImageThumbnail(ThumbnailTest):
    """See the rule."""

    key = "EXIFImageThumbnail"
    summary = "Web images have no thumbnail embedded."
    kinds = (IMAGES,)
    error = 118
    errors: ClassVar = {118: "A web image has a thumbnail embedded, or its EXIF data cannot be read."}
