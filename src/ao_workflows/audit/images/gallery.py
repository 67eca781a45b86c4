"""The images of a work: each is looked at when a test first asks for its group, and never again."""

import os
import stat
from pathlib import Path

from ao_workflows.audit.images.facts import ImageFacts
from ao_workflows.audit.images.looking import look_at


class Gallery:
    """What is known of the images of one work."""

    def __init__(self) -> None:
        self._groups: dict[Path, tuple[ImageFacts, ...]] = {}

    def images_of(self, group: Path) -> tuple[ImageFacts, ...]:
        """Return the facts of each image in a group's folder, by name.

        An image is every regular file that is neither hidden nor ``*.json``, whatever its name ends in.

        :raises OSError: if the disk does not give the folder or a file.
        """
        if group not in self._groups:
            self._groups[group] = tuple(look_at(group / name) for name in image_names(group))
        return self._groups[group]


def image_names(folder: Path) -> list[str]:
    """Return the names of the files in ``folder`` that are meant for images, in order."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".")
            and not entry.name.lower().endswith(".json")
            and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
        )
