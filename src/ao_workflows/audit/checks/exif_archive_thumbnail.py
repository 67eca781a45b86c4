"""EXIFArchiveThumbnail: the rule of :mod:`~ao_workflows.audit.checks.exif`, for masters."""

from typing import ClassVar

from ao_workflows.audit.checks.exif import ThumbnailTest
from ao_workflows.audit.contract import ARCHIVE


class EXIFArchiveThumbnail(ThumbnailTest):
    """See the rule."""

    key = "EXIFArchiveThumbnail"
    summary = "Masters have no thumbnail embedded."
    kinds = (ARCHIVE,)
    error = 117
    errors: ClassVar = {117: "A master has a thumbnail embedded, or its EXIF data cannot be read."}
