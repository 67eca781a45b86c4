"""The two layouts of a work on disk, told apart by the names of its folders.

Layout V1 puts image groups under what they hold (``RID/images/RID-0886/``); layout V2 turns that round
(``RID/RID-0886/images/``). The archive's catalogue knows no third.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ao_workflows.errors import ContentRejected, SystemFailed

CONTENT_FOLDERS = frozenset({"images", "archive", "sources", "eBooks"})
"""Folders that hold a work's content: below its root in V1, below an image group in V2."""

ROOT_FOLDERS = CONTENT_FOLDERS | {"backup", "web", "other", "sync-inventory", "config"}
"""All folder names that are known in a work's root, besides image groups and the bag's provenance folder."""


class Layout(StrEnum):
    """How the folders of a work are nested."""

    V1 = "V1"
    V2 = "V2"


class NotAWork(ContentRejected):
    """A folder that has neither layout."""

    code = "not-a-work"


@dataclass(frozen=True, slots=True)
class ImageGroup:
    """One image group (volume) in one content folder.

    :param name: the group's folder name, ``{RID}-{suffix}``.
    :param kind: ``images`` or ``archive``.
    :param path: the folder that holds the group's files.
    """

    name: str
    kind: str
    path: Path


@dataclass(frozen=True, slots=True)
class WorkStructure:
    """A work's folders as they are on disk."""

    root: Path
    layout: Layout
    groups: tuple[ImageGroup, ...]

    def groups_of(self, kind: str) -> tuple[ImageGroup, ...]:
        """Return the image groups of one kind, ``images`` or ``archive``, in name order."""
        return tuple(group for group in self.groups if group.kind == kind)


def detect_layout(folders: Mapping[str, Collection[str]]) -> Layout | None:
    """Return the layout of a work, or ``None`` if the folder is no work.

    :param folders: the names of the work's direct child folders, each with the names of its own child folders.
    """
    if any(name in CONTENT_FOLDERS for name in folders):
        return Layout.V1
    if any("-" in name and not CONTENT_FOLDERS.isdisjoint(inner) for name, inner in folders.items()):
        return Layout.V2
    return None


def read_structure(work: Path) -> WorkStructure:
    """List the folders of ``work`` and return its layout and image groups.

    :raises NotAWork: if it has neither layout.
    :raises SystemFailed: if a folder cannot be listed.
    """
    folders = {child.name: _child_folders(child) for child in _folders(work)}
    layout = detect_layout(folders)
    if layout is None:
        # Quoted: these names come from strangers.
        found = ", ".join(repr(name) for name in sorted(folders)) or "no folders"
        raise NotAWork(
            f"{work.name!r} is not a work: none of its folders is one of {', '.join(sorted(CONTENT_FOLDERS))}, and no "
            f"image group folder holds one. Found: {found}.",
            action="Deliver the work with its images/ and archive/ folders directly below its RID.",
        )
    kinds = ("images", "archive")
    if layout is Layout.V1:
        groups = [
            ImageGroup(name, kind, work / kind / name) for kind in kinds for name in sorted(folders.get(kind, ()))
        ]
    else:
        groups = [
            ImageGroup(name, kind, work / name / kind)
            for kind in kinds
            for name, inner in sorted(folders.items())
            if "-" in name and kind in inner
        ]
    return WorkStructure(work, layout, tuple(groups))


def _folders(path: Path) -> list[Path]:
    """List the real, visible folders in ``path``: a symbolic link or a dot folder is not part of a work's layout."""
    try:
        return [
            child
            for child in path.iterdir()
            if not child.name.startswith(".") and child.is_dir() and not child.is_symlink()
        ]
    except OSError as error:
        raise SystemFailed(
            f"Cannot list the folder {str(path)!r}: {error.strerror}.",
            action="Check that it is there, and its permissions.",
            code="folder-unreadable",
        ) from error


def _child_folders(path: Path) -> frozenset[str]:
    return frozenset(child.name for child in _folders(path))
