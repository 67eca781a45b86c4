"""What a work is: its identifier, its layout, its image groups, and every place it can be.

Pure functions and frozen values; nothing here opens a file except :func:`read_structure`, which lists folders.
"""

from ao_workflows.works.groups import group_id, group_on_disk, image_name_pattern
from ao_workflows.works.locations import (
    ARCHIVE_ROOTS,
    archive_mount,
    archive_path,
    archive_shard,
    glacier_staging_key,
    rid_of_object_key,
    web_image_key,
    web_images_prefix,
)
from ao_workflows.works.rid import InvalidRid, Rid, parse_rid
from ao_workflows.works.structure import (
    CONTENT_FOLDERS,
    ROOT_FOLDERS,
    ImageGroup,
    Layout,
    NotAWork,
    WorkStructure,
    detect_layout,
    read_structure,
)

__all__ = [
    "ARCHIVE_ROOTS",
    "CONTENT_FOLDERS",
    "ROOT_FOLDERS",
    "ImageGroup",
    "InvalidRid",
    "Layout",
    "NotAWork",
    "Rid",
    "WorkStructure",
    "archive_mount",
    "archive_path",
    "archive_shard",
    "detect_layout",
    "glacier_staging_key",
    "group_id",
    "group_on_disk",
    "image_name_pattern",
    "parse_rid",
    "read_structure",
    "rid_of_object_key",
    "web_image_key",
    "web_images_prefix",
]
