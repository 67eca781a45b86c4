"""Files whose names differ by case or by Unicode normalization only.

RFC 8493 section 6.1 asks for a warning, and the file systems of archives keep such names apart: so they are
reported, and refused only where the destination would really put one in the other's place (see ``unpack``).
"""

from collections.abc import Iterable, Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.errors import Finding
from ao_workflows.works import colliding_groups, differ_by_form_only

CASE = "names-differ-by-case"
NORMALIZATION = "names-differ-by-normalization"


def collision_warnings(names: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each such name after the first of its group."""
    for first, *others in colliding_groups(names):
        for name in others:
            same = differ_by_form_only(name, first)
            what = "the way its accents are encoded" if same else "upper and lower case"
            yield Finding(
                code=NORMALIZATION if same else CASE,
                path=shown(name),
                message=f"{quoted(name)} differs from {quoted(first)} only by {what}: some systems cannot keep both.",
            )
