"""EXIFImageTest: the rule of :mod:`~ao_workflows.audit.checks.exif`, for web images."""

from typing import ClassVar

from ao_workflows.audit.checks.exif import OrientationTest
from ao_workflows.audit.contract import IMAGES


class EXIFImageTest(OrientationTest):
    """See the rule."""

    key = "EXIFImageTest"
    summary = "The EXIF data of web images can be read, and turn no image."
    kinds = (IMAGES,)
    error = 116
    errors: ClassVar = {116: "The EXIF data of a web image cannot be read, or turn it."}
