"""File paths as manifests and ``fetch.txt`` write them (RFC 8493 sections 2.1.3 and 5.1)."""

import re

_ENCODED = re.compile(r"%(0[AaDd]|25)")
_ENCODED_OLD = re.compile(r"%(0[AaDd])")
_OUTSIDE = re.compile(r"[/\\~]|[A-Za-z]:")


def encode_path(path: str, *, percent: bool = True) -> str:
    """Return ``path`` as a manifest writes it: line breaks and, since version 1.0, the percent sign are encoded.

    :param percent: whether ``%`` itself is encoded; drafts before 1.0 leave it as it is.
    """
    if percent:
        path = path.replace("%", "%25")
    return path.replace("\r", "%0D").replace("\n", "%0A")


def decode_path(text: str, *, percent: bool = True) -> str:
    """Return the path that ``text`` in a manifest stands for; other percent signs are part of the name."""
    pattern = _ENCODED if percent else _ENCODED_OLD
    return pattern.sub(lambda match: chr(int(match[1], 16)), text) if "%" in text else text


def leaves_bag(path: str) -> bool:
    """Tell whether some system could read ``path`` as a place outside of the bag, or as no place at all.

    A root, drive, server or home folder at its beginning; ``..``, ``.`` or an empty part anywhere, with slashes or
    backslashes; a NUL.
    """
    parts = re.split(r"[/\\]", path)
    return bool(_OUTSIDE.match(path)) or not {"", ".", ".."}.isdisjoint(parts) or "\0" in path
