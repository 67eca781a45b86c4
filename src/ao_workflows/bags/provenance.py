"""Where a bag's own files go when it is unpacked: its tag files and manifests stay with the work.

They belong into ``{RID}.bag/`` in the work. A work that was unpacked before carries such a folder in its payload, and
payload is never moved or replaced: it is what the manifests vouch for. If one of the new files would meet one that is
there, all of the new ones go into ``{RID}.bag/bag-2/`` instead, or the next number that is free. So each time a work is
bagged and unpacked adds one folder beside the earlier ones; nothing is lost, and nothing is nested deeper each time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ao_workflows.bags.bagit.manifests import PAYLOAD
from ao_workflows.bags.contents import BAG_SUFFIX, Member
from ao_workflows.errors import Finding

GENERATED = ("bagit.txt", "bag-info.txt", "manifest-sha512.txt", "tagmanifest-sha512.txt")
"""The tag files that a work without a bag is given when it is unpacked."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where in the work each path of a member goes.

    :param provenance: the folder for tag files, relative to the work.
    """

    is_bag: bool
    provenance: str

    def of(self, path: str) -> str:
        """Return the place of ``path`` (of the bag, or of the plain work) in the work; empty for the work itself."""
        if not self.is_bag:
            return path
        if path.startswith(PAYLOAD):
            return path[len(PAYLOAD) :]
        return f"{self.provenance}/{path}".rstrip("/") + ("/" if path.endswith("/") else "")


def place(member: Member) -> tuple[Placement, list[Finding]]:
    """Return where a member's files go, or say why its tag files have no place."""
    folder = f"{member.rid}{BAG_SUFFIX}"
    # Nothing but what lies in the provenance folder can meet the tag files.
    inside: list[str] = []
    tags = [] if member.is_bag else list(GENERATED)
    for path in map(member.path_of, member.entries):
        if member.is_bag and not path.startswith(PAYLOAD):
            tags.append(path)
        elif (place := path.removeprefix(PAYLOAD) if member.is_bag else path) == folder:
            message = f"the work has a file {folder} where the folder with its provenance belongs."
            return Placement(member.is_bag, folder), [Finding(code="provenance-blocked", path=folder, message=message)]
        elif place.startswith(f"{folder}/"):
            inside.append(place.removeprefix(f"{folder}/"))
    if not _replaces(inside, tags) and not _replaces(tags, inside):
        return Placement(member.is_bag, folder), []
    taken = {path.partition("/")[0] for path in inside}
    number = 2
    while f"bag-{number}" in taken:
        number += 1
    return Placement(member.is_bag, f"{folder}/bag-{number}"), []


def _replaces(paths: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether one of ``paths``, or a folder that it needs, is a file among ``others``."""
    files = {other for other in others if not other.endswith("/")}
    return any(place in files for path in paths for place in _with_parents(path))


def _with_parents(path: str) -> Iterator[str]:
    """Yield the place of a path, then those of the folders around it; one at a time, for all at once are too many."""
    place = path.rstrip("/")
    while place:
        yield place
        place = place.rpartition("/")[0]
