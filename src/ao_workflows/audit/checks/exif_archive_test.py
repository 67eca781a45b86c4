"""EXIFArchiveTest: the rule of :mod:`~ao_workflows.audit.checks.exif`, for masters."""

from typing import ClassVar

from ao_workflows.audit.checks.exif import OrientationTest
from ao_workflows.audit.contract import ARCHIVE


class EXIFArchiveTest(OrientationTest):
    """See the rule."""

    key = "EXIFArchiveTest"
    summary = "The EXIF data of masters can be read, and turn no image."
    kinds = (ARCHIVE,)
    error = 115
    errors: ClassVar = {115: "The EXIF data of a master cannot be read, or turn it."}
