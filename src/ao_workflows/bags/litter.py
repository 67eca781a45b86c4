"""Files that operating systems leave in folders without being asked."""

_FILES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"})
_FOLDERS = frozenset({"__macosx", ".spotlight-v100", ".trashes", ".fseventsd"})


def is_litter(path: str) -> bool:
    """Tell whether ``path`` (``/`` between its parts) is such a file, or lies in such a folder."""
    *folders, name = path.removesuffix("/").lower().split("/")
    return name in _FILES or name.startswith("._") or name in _FOLDERS or not _FOLDERS.isdisjoint(folders)
