"""Where a work lives: every location formula, and nothing else.

``nn`` is the number that the last two characters of a RID form when both are digits, else 0. It spreads the works over
shards; the archive file system has 25 shards to a mount, the Glacier staging bucket 50 to a prefix.
"""

import hashlib
import re
from pathlib import Path

from ao_workflows.works.rid import Rid, parse_rid

ARCHIVE_ROOTS = ("Archive0", "Archive1", "Archive2", "Archive3")
"""The mounts of the archive file system, by the names that they have in its root."""

ARCHIVE_SHARDS_PER_ROOT = 25
STAGING_SHARDS_PER_ROOT = 50

WEB_WORKS = "Works"
"""What holds all works where readers get their images."""

_TWO_DIGITS = re.compile(r"[0-9]{2}")


def archive_shard(rid: Rid) -> int:
    """Return ``nn`` of a RID, 0 to 99. ``08`` is decimal eight; a tail such as ``-1`` is not two digits."""
    tail = rid[-2:]
    return int(tail) if _TWO_DIGITS.fullmatch(tail) else 0


def archive_path(root: Path, rid: Rid) -> Path:
    """Return the work's folder in the archive file system; ``root`` holds ``Archive0`` … ``Archive3``."""
    nn = archive_shard(rid)
    return root / f"Archive{nn // ARCHIVE_SHARDS_PER_ROOT}" / f"{nn:02d}" / rid


def archive_mount(root: Path, rid: Rid) -> Path:
    """Return the mount of the archive file system that holds the work."""
    return archive_path(root, rid).parents[1]


def glacier_staging_key(rid: Rid) -> str:
    """Return the object key of the work's bag in the Glacier staging bucket."""
    nn = archive_shard(rid)
    return f"Archive{nn // STAGING_SHARDS_PER_ROOT}/{nn:02d}/{rid}/{rid}.bag.zip"


def web_images_prefix(rid: Rid) -> str:
    """Return the key prefix of the work's images in the web bucket, ending in ``/images/``."""
    # md5 only spreads the keys; it protects nothing.
    digest = hashlib.md5(rid.encode("ascii"), usedforsecurity=False).hexdigest()
    return f"{WEB_WORKS}/{digest[:2]}/{rid}/images/"


def web_image_key(rid: Rid, group: str, file_name: str) -> str:
    """Return the key of one image in the web bucket; ``group`` is the group's folder name on disk."""
    return f"{web_images_prefix(rid)}{group}/{file_name}"


def rid_of_object_key(key: str) -> Rid:
    """Return the RID that an object key (or a file name) names: its base name without *all* suffixes.

    :raises InvalidRid: if what remains is not a RID.
    """
    base_name = key.rstrip("/").rpartition("/")[2]
    return parse_rid(base_name.partition(".")[0])
