"""Where a bag's own files go when it is unpacked: its tag files and manifests stay with the work.

They belong into ``{RID}.bag/`` in the work. A work that was unpacked before carries such a folder in its payload, and
payload is never moved or replaced: it is what the manifests vouch for. If one of the new files would meet one that is
there, all of the new ones go into ``{RID}.bag/bag-2/`` instead, or the next number that is free. So each time a work is
bagged and unpacked adds one folder beside the earlier ones; nothing is lost, and nothing is nested deeper each time.
"""

from collections.abc import Iterator
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
    files, folders, tags = _paths(member)
    folder = f"{member.rid}{BAG_SUFFIX}"
    if folder in files:
        message = f"the work has a file {folder} where the folder with its provenance belongs."
        return Placement(member.is_bag, folder), [Finding(code="provenance-blocked", path=folder, message=message)]
    if not any(_meets(f"{folder}/{tag}", files, folders) for tag in tags):
        return Placement(member.is_bag, folder), []
    number = 2
    while f"{folder}/bag-{number}" in files | folders:
        number += 1
    return Placement(member.is_bag, f"{folder}/bag-{number}"), []


def _paths(member: Member) -> tuple[set[str], set[str], list[str]]:
    """Return the payload's files and folders, relative to the work, and the tag files, relative to the bag."""
    paths = [member.path_of(entry) for entry in member.entries]
    payload, tags = paths, list(GENERATED)
    if member.is_bag:
        payload = [path[len(PAYLOAD) :] for path in paths if path.startswith(PAYLOAD)]
        tags = [path for path in paths if not path.startswith(PAYLOAD) and not path.endswith("/")]
    files = {path for path in payload if not path.endswith("/")}
    folders = {parent for path in payload for parent in _parents(path)}
    return files, folders, tags


def _meets(path: str, files: set[str], folders: set[str]) -> bool:
    """Tell whether a file at ``path`` would replace something, or need a folder where there is a file."""
    return path in files or path in folders or not files.isdisjoint(_parents(path))


def _parents(path: str) -> Iterator[str]:
    parent = path.rpartition("/")[0]
    while parent:
        yield parent
        parent = parent.rpartition("/")[0]
