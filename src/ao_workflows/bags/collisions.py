"""Files whose names differ by case or by Unicode normalization only.

RFC 8493 section 6.1 asks for a warning, and the file systems of archives keep such names apart: so they are
reported, and refused only where the destination would really put one in the other's place (see ``unpack``).
"""

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ao_workflows.bags.text import quoted, shown
from ao_workflows.errors import Finding

CASE = "names-differ-by-case"
NORMALIZATION = "names-differ-by-normalization"


def colliding_groups(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of names that some file system would take for one another."""
    every = list(names)
    # Of hundreds of thousands of names hardly two are alike: numbers tell which need a closer look.
    twice = {one for one, other in pairwise(sorted(hash(_folded(name)) for name in every)) if one == other}
    groups: dict[str, set[str]] = {}
    for name in every if twice else ():
        folded = _folded(name)
        if hash(folded) in twice:
            groups.setdefault(folded, set()).add(name)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def collision_warnings(names: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each such name after the first of its group."""
    for first, *others in colliding_groups(names):
        for name in others:
            same = unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", first)
            what = "the way its accents are encoded" if same else "upper and lower case"
            yield Finding(
                code=NORMALIZATION if same else CASE,
                path=shown(name),
                message=f"{quoted(name)} differs from {quoted(first)} only by {what}: some systems cannot keep both.",
            )


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
