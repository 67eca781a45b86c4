"""One small interface over local files and S3: look, read ranges, list, put whole objects, delete."""

from ao_workflows.storage.aws import AwsAccess
from ao_workflows.storage.interface import (
    ObjectChanged,
    ObjectGone,
    ObjectInfo,
    ObjectNotRestored,
    StorageFailed,
    Store,
)
from ao_workflows.storage.local import LocalStore
from ao_workflows.storage.s3 import S3Store
from ao_workflows.storage.source import Source, open_local_source, open_source

__all__ = [
    "AwsAccess",
    "LocalStore",
    "ObjectChanged",
    "ObjectGone",
    "ObjectInfo",
    "ObjectNotRestored",
    "S3Store",
    "Source",
    "StorageFailed",
    "Store",
    "open_local_source",
    "open_source",
]
