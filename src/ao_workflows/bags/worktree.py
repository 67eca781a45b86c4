"""The files and folders of a work on disk, as they will be bagged."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.bags import policy
from ao_workflows.bags.contents import BAG_SUFFIX
from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.text import counted, quoted, shown
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.errors import ContentRejected, Finding
from ao_workflows.works import Rid

_LIMITS = ZipLimits()


class WorkRejected(ContentRejected):
    """A work that cannot be bagged so that it comes out again as it was."""

    code = "work-rejected"


@dataclass(frozen=True, slots=True)
class Item:
    """One file or folder.

    :param path: relative to the work, ``/`` between its parts; empty for the work itself, a folder's ends in ``/``.
    """

    path: str
    size: int
    modified_ns: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return not self.path or self.path.endswith("/")


def read_work(work: Path, rid: Rid) -> list[Item]:
    """Return everything in ``work``, each folder before what is in it, in the order of names.

    :raises WorkRejected: with all that cannot be kept: links and special files, names that no zip may have, a file
        where the provenance will go when the bag is unpacked. A work without a file is refused, too: a bag of nothing
        would be valid.
    """
    items = [Item("", 0, work.stat().st_mtime_ns)]
    found = FindingLog()
    _walk(work, "", items, found)
    for item in items[1:]:
        name = f"{rid}{BAG_SUFFIX}/data/{item.path}"
        found.extend(policy.errors_in_name(name, _LIMITS))
        if not _is_utf8(name):
            message = f"{quoted(item.path)} is no name in UTF-8."
            found.add(Finding(code="name-not-utf8", path=shown(item.path), message=message))
        if item.path == f"{rid}{BAG_SUFFIX}":
            message = f"it has a file {item.path} where the folder with its provenance belongs; give it another name."
            found.add(Finding(code="provenance-blocked", path=item.path, message=message))
    if all(item.is_folder for item in items):
        found.add(Finding(code="work-empty", path="", message="there is no file in it."))
    if found:
        findings = found.as_tuple()
        more = f" And {counted(len(found) - 1, 'more problem')}." if len(found) > 1 else ""
        raise WorkRejected(
            f"{work} cannot be bagged: {findings[0].message}{more}",
            action="Mend the work; nothing was written.",
            code=findings[0].code if len(findings) == 1 else None,
            findings=findings,
        )
    return items


def _walk(folder: Path, prefix: str, items: list[Item], found: FindingLog) -> None:
    with os.scandir(folder) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        status = child.stat(follow_symlinks=False)
        path = f"{prefix}{child.name}"
        if stat.S_ISDIR(status.st_mode):
            items.append(Item(f"{path}/", 0, status.st_mtime_ns))
            if path.count("/") < _LIMITS.depth:  # what is deeper is refused by its name; no need to go there
                _walk(folder / child.name, f"{path}/", items, found)
        elif stat.S_ISREG(status.st_mode):
            items.append(Item(path, status.st_size, status.st_mtime_ns))
        else:
            message = f"{quoted(path)} is a symbolic link or a special file: only files and folders can be kept."
            found.add(Finding(code="work-special-file", path=shown(path), message=message))


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
