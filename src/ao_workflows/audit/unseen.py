"""What no audit test looks at because it stands where no image group belongs: never passed over in silence.

A test sees the image groups of a work's layout. A volume in a folder with a wrong name is none, and one good group
beside it would let the whole work pass. So every audit, whatever tests it runs, begins with this look at the folders.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from ao_workflows.audit.contract import ARCHIVE, IMAGES
from ao_workflows.audit.findings import NOT_AUDITED, AuditFinding
from ao_workflows.works import CONTENT_FOLDERS, ROOT_FOLDERS, Layout, WorkStructure

KEY = "WorkLayout"
"""The name under which this look at a work reports; it is no test that could be left out."""


def unseen(work: WorkStructure) -> Iterator[AuditFinding]:
    """Yield a finding for each thing in the places of image groups that no test can know for one.

    Hidden files, ``*.json`` and hidden folders without a file are no part of a work. Symbolic links and files in the
    root or beside the groups of layout V1 are for the tests to find.

    :raises OSError: if a folder cannot be listed.
    """
    groups: list[Path] = []
    for name in _folders(work.root):
        folder = work.root / name
        if work.layout is Layout.V2 and _is_group(work, name) and not CONTENT_FOLDERS.isdisjoint(_folders(folder)):
            groups.append(folder)
        elif name not in ROOT_FOLDERS and name != f"{work.root.name}.bag":
            yield _finding(work, folder, f"a folder with a name of {', '.join(sorted(ROOT_FOLDERS))}{_or_group(work)}")
    if work.layout is Layout.V1:
        for kind in (IMAGES, ARCHIVE):
            if kind in _folders(work.root):
                for name in _folders(work.root / kind):
                    if not _is_group(work, name):
                        yield _finding(work, work.root / kind / name, f"an image group {_group_name(work)}")
    for group in groups:
        yield from _in_group(work, group)


def _in_group(work: WorkStructure, group: Path) -> Iterator[AuditFinding]:
    """Yield what stands in an image group of layout V2 beside its content folders."""
    expected = f"a folder with a name of {', '.join(sorted(ROOT_FOLDERS))}"
    known = ROOT_FOLDERS.intersection(_folders(group))
    hidden = {name for name in _folders(group) if name.startswith(".")}
    for name in sorted(os.listdir(group)):
        if name not in known and (name in hidden or not (name.startswith(".") or name.lower().endswith(".json"))):
            yield _finding(work, group / name, expected)


def _folders(folder: Path) -> list[str]:
    """Return the names of the folders in ``folder``, without links and without hidden ones that hold no file."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    return [name for name in names if not name.startswith(".") or _holds_files(folder / name)]


def _holds_files(folder: Path) -> bool:
    return any(files for *_, files in os.walk(folder, onerror=_raise))


def _raise(error: OSError) -> None:
    raise error


def _is_group(work: WorkStructure, name: str) -> bool:
    prefix = f"{work.root.name}-"
    return name.startswith(prefix) and name != prefix


def _group_name(work: WorkStructure) -> str:
    # Quoted: the work's name may come from a stranger.
    return repr(f"{work.root.name}-…")


def _or_group(work: WorkStructure) -> str:
    if work.layout is Layout.V1:
        return ""
    return f", or an image group {_group_name(work)} that holds one of {', '.join(sorted(CONTENT_FOLDERS))}"


def _finding(work: WorkStructure, path: Path, expected: str) -> AuditFinding:
    kind = "folder" if path.is_dir() and not path.is_symlink() else "file"
    message = f"No test could look at the {kind} {path.name!r}, which stands where {expected} is expected."
    return AuditFinding(KEY, NOT_AUDITED, path.relative_to(work.root).as_posix(), message)
