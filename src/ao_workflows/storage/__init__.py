"""One small interface over local files and S3: look, read ranges, list, put whole objects, delete."""

from ao_workflows.storage.aws import AwsAccess, AwsKeys
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
from ao_workflows.storage.s3_writer import ObjectExists
from ao_workflows.storage.source import S3_SCHEME, Source, bucket_and_key, open_local_source, open_source
from ao_workflows.storage.web import LocalWebStore, PretendingWebStore, S3WebStore, Upload, WebStore, md5

__all__ = [
    "S3_SCHEME",
    "AwsAccess",
    "AwsKeys",
    "LocalStore",
    "LocalWebStore",
    "ObjectChanged",
    "ObjectExists",
    "ObjectGone",
    "ObjectInfo",
    "ObjectNotRestored",
    "PretendingWebStore",
    "S3Store",
    "S3WebStore",
    "Source",
    "StorageFailed",
    "Store",
    "Upload",
    "WebStore",
    "bucket_and_key",
    "md5",
    "open_local_source",
    "open_source",
]
