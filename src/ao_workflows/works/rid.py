"""The identifier of a work (RID), such as ``W22084`` or ``W1FPL2251``."""

import re
from typing import NewType

from ao_workflows.errors import ContentRejected

Rid = NewType("Rid", str)

MAX_RID_LENGTH = 45
"""The catalogue's limit for a RID, in characters."""

# One capital letter, then letters, digits, "_" and "-": a RID becomes a folder name and a part of an
# object key, so nothing that a file system, a shell or a URL could read differently is let in.
_RID = re.compile(rf"[A-Z][A-Za-z0-9_-]{{1,{MAX_RID_LENGTH - 1}}}", re.ASCII)


class InvalidRid(ContentRejected):
    """A name that cannot be the identifier of a work."""

    code = "rid-invalid"


def parse_rid(text: str) -> Rid:
    """Return ``text`` as a RID.

    :raises InvalidRid: if it is not a capital letter followed by 1 to 44 letters, digits, ``_`` or ``-``.
    """
    if not _RID.fullmatch(text):
        raise InvalidRid(
            f"{text[:80]!r} is not the identifier of a work: expected a capital letter followed by at most "
            f"{MAX_RID_LENGTH - 1} letters, digits, '_' or '-', such as W22084.",
            action="Rename the folder, zip or object so that it begins with the work's RID.",
        )
    return Rid(text)
