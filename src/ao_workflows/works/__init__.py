"""What a work is: its identifier, its layout, its image groups, and every place it can be.

Pure functions and frozen values; nothing here opens a file except :func:`read_structure`, which lists folders. What a
work wants to be done with it is in ``sync_config``, apart: reading YAML takes libraries that most users of this do not
need, and a tenth of a second to load them.
"""

from ao_workflows.works.groups import group_id, group_of_path, group_on_disk, image_name_pattern
from ao_workflows.works.locations import (
    ARCHIVE_ROOTS,
    WEB_WORKS,
    archive_mount,
    archive_path,
    archive_shard,
    glacier_staging_key,
    rid_of_object_key,
    web_image_key,
    web_images_prefix,
)
from ao_workflows.works.names import colliding_groups, differ_by_form_only, is_litter
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
    "WEB_WORKS",
    "ImageGroup",
    "InvalidRid",
    "Layout",
    "NotAWork",
    "Rid",
    "WorkStructure",
    "archive_mount",
    "archive_path",
    "archive_shard",
    "colliding_groups",
    "detect_layout",
    "differ_by_form_only",
    "glacier_staging_key",
    "group_id",
    "group_of_path",
    "group_on_disk",
    "image_name_pattern",
    "is_litter",
    "parse_rid",
    "read_structure",
    "rid_of_object_key",
    "web_image_key",
    "web_images_prefix",
]
