"""Names of files that mean trouble: what operating systems leave behind, and names that some of them mix up."""

import unicodedata
from collections.abc import Iterable
from itertools import pairwise

_FILES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"})
_FOLDERS = frozenset({"__macosx", ".spotlight-v100", ".trashes", ".fseventsd"})


def is_litter(path: str) -> bool:
    """Tell whether ``path`` (``/`` between its parts) was left by an operating system, or lies in such a folder."""
    *folders, name = path.removesuffix("/").lower().split("/")
    return name in _FILES or name.startswith("._") or name in _FOLDERS or not _FOLDERS.isdisjoint(folders)


def colliding_groups(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of names that some file system would take for one another: by case, or by Unicode form."""
    every = list(names)
    # Of hundreds of thousands of names hardly two are alike: numbers tell which need a closer look.
    twice = {one for one, other in pairwise(sorted(hash(_folded(name)) for name in every)) if one == other}
    groups: dict[str, set[str]] = {}
    for name in every if twice else ():
        folded = _folded(name)
        if hash(folded) in twice:
            groups.setdefault(folded, set()).add(name)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def differ_by_form_only(name: str, other: str) -> bool:
    """Tell whether two names are the same characters, with accents encoded in two ways."""
    return unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
