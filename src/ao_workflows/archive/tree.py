"""What a folder tree holds, and which of its files are litter that does not enter the archive."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


def is_litter(name: str) -> bool:
    """Tell whether a file or folder of this name is probably left by a desktop or an editor.

    Dot files (``.DS_Store`` among them), ``thumbs.db``, ``~*``, ``#*`` and ``*~``.
    """
    return name.startswith((".", "~", "#")) or name.endswith("~") or name.lower() == "thumbs.db"


class FileState(NamedTuple):
    """What a folder listing knows of a file: its size in bytes and its modification time in nanoseconds (UTC)."""

    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Tree:
    """What stands below a folder. Every path is relative to it, ``/`` between its parts.

    :param files: regular files.
    :param folders: folders with their modification times in nanoseconds; the root itself is ``""``.
    :param others: everything that is neither, with what it is ("a symbolic link"); links are not followed.
    :param litter: files (and links) that are left out because of their name or that of a folder above them;
        empty until :func:`without_litter` has sorted them out.
    """

    files: Mapping[str, FileState] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    litter: tuple[str, ...] = ()


def read_tree(root: Path) -> Tree:
    """List everything below ``root`` without following a link there or opening a file. The root may be a link itself.

    :raises OSError: if a folder cannot be listed.
    """
    files: dict[str, FileState] = {}
    folders = {"": root.stat().st_mtime_ns}
    others: dict[str, str] = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        above = f"{folder}/" if folder else ""
        with _opened(f"{root}/{folder}") as descriptor, os.scandir(descriptor) as entries:
            for entry in entries:
                path = above + entry.name
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    files[path] = FileState(state.st_size, state.st_mtime_ns)
                elif stat.S_ISDIR(state.st_mode):
                    waiting.append(path)
                    folders[path] = state.st_mtime_ns
                else:
                    others[path] = kind_of(state.st_mode)
    return Tree({path: files[path] for path in sorted(files)}, folders, others)


@contextmanager
def _opened(folder: str) -> Iterator[int]:
    """Open a folder: asked by its descriptor, the system need not walk down the whole path for each file in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def bytes_below(root: Path) -> int:
    """Return how many bytes the files below ``root`` have together; 0 if it cannot be listed."""
    try:
        return sum(state.size for state in read_tree(root).files.values())
    except OSError:
        return 0  # only a progress bar wants to know; whoever needs the files tells what is wrong


def is_litter_path(path: str) -> bool:
    """Tell whether ``path`` is litter by its own name or by that of a folder above it."""
    return any(is_litter(part) for part in path.split("/"))


def without_litter(tree: Tree, *, listed: Collection[str]) -> Tree:
    """Return ``tree`` with its litter set apart.

    Only a name says that something is litter, and names are weak witnesses: what an inventory lists was
    delivered on purpose, and is never litter.

    :param listed: the paths of the files that an inventory lists.
    """
    needed = set(listed).union(*map(parents, listed))
    in_litter = {folder for folder in tree.folders if folder and is_litter_path(folder)}

    def is_left(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return (is_litter(name) or folder in in_litter) and path not in needed

    litter = {path for path in (*tree.files, *tree.others) if is_left(path)}
    return Tree(
        {path: state for path, state in tree.files.items() if path not in litter},
        {path: time for path, time in tree.folders.items() if path in needed or path not in in_litter},
        {path: kind for path, kind in tree.others.items() if path not in litter},
        tuple(sorted(litter)),
    )


def parents(path: str) -> Iterator[str]:
    """Yield the folders that ``path`` is in, the innermost first, without the root."""
    while path := path.rpartition("/")[0]:
        yield path


def kind_of(mode: int) -> str:
    """Return in words what a file mode (``st_mode``) stands for."""
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISREG(mode):
        return "a file"
    return "a device, pipe or socket"
