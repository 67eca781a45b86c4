"""Images and PDF that stand outside of the image groups: in ``sources``, ``eBooks``, ``other`` and so on."""

import os
import stat
from collections.abc import Collection
from pathlib import Path

from ao_workflows.audit.images.facts import SUFFIXES

_LOOKED_AT = frozenset().union(*SUFFIXES.values())
"""Here the name says what is meant for an image: there are files of any kind beside them. Raw formats are not among
them: many cannot be unpacked here, and they are kept beside what was made of them."""


def paths_elsewhere(root: Path, groups: Collection[Path]) -> list[Path]:
    """Return the images and PDF of the work ``root`` that are in none of its image groups, in order.

    That is every regular file whose name ends as that of an image or a PDF. Hidden files and folders, and the folder
    of the bag, are left out, and links are not followed.

    :param groups: the folders of its image groups.
    :raises OSError: if a folder cannot be listed.
    """
    left_out = {*groups, root / f"{root.name}.bag"}
    found = []
    for folder, folders, names in os.walk(root, onerror=_raise):
        place = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and place / name not in left_out)
        for name in sorted(names):
            path = place / name
            if not name.startswith(".") and path.suffix.lower() in _LOOKED_AT and stat.S_ISREG(path.lstat().st_mode):
                found.append(path)
    return found


def bytes_elsewhere(root: Path, groups: Collection[Path]) -> int:
    """Return how many bytes these have together. :raises OSError: if the disk does not tell."""
    return sum(path.lstat().st_size for path in paths_elsewhere(root, groups))


def _raise(error: OSError) -> None:
    raise error
