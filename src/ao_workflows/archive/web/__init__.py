"""Putting the images of a work where readers get them, with what their programs want to know of the images first."""

from ao_workflows.archive.web.iiif import iiif_manifest
from ao_workflows.archive.web.proof import verify_web
from ao_workflows.archive.web.publish import PublishResult, WebFile, WebVolume, publish
from ao_workflows.archive.web.volume_manifest import MEDIA_TYPES, PageImage, volume_manifest

__all__ = [
    "MEDIA_TYPES",
    "PageImage",
    "PublishResult",
    "WebFile",
    "WebVolume",
    "iiif_manifest",
    "publish",
    "verify_web",
    "volume_manifest",
]
