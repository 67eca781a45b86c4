"""The images of a work: each is looked at when a test first asks for its group, and never again."""

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ao_workflows.audit.images.elsewhere import paths_elsewhere
from ao_workflows.audit.images.facts import ImageFacts
from ao_workflows.audit.images.looking import look_at

Progress = Callable[[int], None]
"""Called with the number of bytes that were done since the last call."""

_TOGETHER = 32
"""Images whose headers a thread looks at in one go: to hand one over takes as long as to look at it."""


class Gallery:
    """What is known of the images of one work.

    :param with_pixels: unpack all pixels as well.
    :param jobs: images that are looked at at a time; decoders let go of the interpreter, so cores do share them.
    :param progress: called with the bytes of each image that was looked at.
    :param known: returns what is known of the image at a path already, ``None`` if it has to be looked at.
    """

    def __init__(
        self,
        *,
        with_pixels: bool = False,
        jobs: int = 1,
        progress: Progress | None = None,
        known: Callable[[Path], ImageFacts | None] | None = None,
    ) -> None:
        self._known = known or _nothing
        self._with_pixels = with_pixels
        self._jobs = jobs
        self._progress = progress
        self._groups: dict[Path, tuple[ImageFacts, ...]] = {}
        self._elsewhere: tuple[tuple[Path, ImageFacts], ...] | None = None

    def images_of(self, group: Path, *, with_ink: bool = False) -> tuple[ImageFacts, ...]:
        """Return the facts of each image in a group's folder, by name.

        An image is every regular file that is neither hidden nor ``*.json``, whatever its name ends in.

        :param with_ink: where pixels are unpacked, also tell how much is on the page; each group is asked for in
            one way only.
        :raises OSError: if the disk does not give the folder or a file.
        """
        if group not in self._groups:
            self._groups[group] = self._look_at_all([group / name for name in image_names(group)], with_ink=with_ink)
        return self._groups[group]

    @property
    def groups(self) -> Mapping[Path, tuple[ImageFacts, ...]]:
        """What is known by now, by the folders of the groups that were asked for."""
        return self._groups

    def images_elsewhere(self, root: Path, groups: Collection[Path]) -> tuple[tuple[Path, ImageFacts], ...]:
        """Return the path and the facts of each image and PDF of the work ``root`` outside of its groups, in order.

        :param groups: the folders of its image groups.
        :raises OSError: if the disk does not give a folder or a file.
        """
        if self._elsewhere is None:
            paths = paths_elsewhere(root, groups)
            self._elsewhere = tuple(zip(paths, self._look_at_all(paths, with_ink=False), strict=True))
        return self._elsewhere

    def _look_at_all(self, paths: Sequence[Path], *, with_ink: bool) -> tuple[ImageFacts, ...]:
        found: list[ImageFacts] = []
        together = 1 if self._with_pixels else _TOGETHER
        parts = [paths[start : start + together] for start in range(0, len(paths), together)]
        with ThreadPoolExecutor(self._jobs) as pool:
            for images in pool.map(partial(self._look_at, with_ink=with_ink), parts):
                found.extend(images)
                if self._progress is not None:
                    for image in images:
                        self._progress(image.size)
        return tuple(found)

    def _look_at(self, paths: Sequence[Path], *, with_ink: bool) -> list[ImageFacts]:
        return [self._known(path) or look_at(path, with_pixels=self._with_pixels, with_ink=with_ink) for path in paths]


def bytes_of_images(groups: Iterable[Path]) -> int:
    """Return how many bytes the images in these folders have together."""
    return sum(os.lstat(group / name).st_size for group in groups for name in image_names(group))


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


def _nothing(_: Path) -> None:
    """Nothing is known of any image."""
