"""Images as the tests see them: each file is looked at once, whatever number of tests ask for it."""

from ao_workflows.audit.images.elsewhere import bytes_elsewhere
from ao_workflows.audit.images.facts import GROUP_4, JPEG, RAW, SUFFIXES, TIFF, ImageFacts
from ao_workflows.audit.images.gallery import Gallery, Progress, bytes_of_images
from ao_workflows.audit.images.looking import look_at

__all__ = [
    "GROUP_4",
    "JPEG",
    "RAW",
    "SUFFIXES",
    "TIFF",
    "Gallery",
    "ImageFacts",
    "Progress",
    "bytes_elsewhere",
    "bytes_of_images",
    "look_at",
]
