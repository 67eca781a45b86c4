"""What keeps a work out of the archive: found before anything is written."""

from collections.abc import Sequence
from pathlib import Path

from ao_workflows.archive.copying import is_temporary
from ao_workflows.archive.disk import ScratchFailed
from ao_workflows.archive.place import in_the_way
from ao_workflows.archive.record import FOLDER, own_paths
from ao_workflows.archive.tree import Tree
from ao_workflows.errors import ContentRejected, Finding
from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid


class NotArchivable(ContentRejected):
    """The work holds something that is neither a file nor a folder."""

    code = "not-a-regular-file"


class EmptyWork(ContentRejected):
    """The work holds no file: archiving it would record a success over nothing."""

    code = "work-empty"


class ArchiveClash(ContentRejected):
    """A file of the work stands where the archive has a folder, or a folder where it has a file."""

    code = "archive-clash"


def expected_checksums(work: Path, tree: Tree, inventory: Sequence[FileRecord]) -> dict[str, FileRecord]:
    """Return the records of ``inventory`` by path, after comparing them with what is on scratch.

    :raises ScratchFailed: if a file of the inventory is missing on scratch or has another size.
    """
    expected = {record.path: record for record in inventory}
    litter = set(tree.litter)
    for path, record in expected.items():
        if path in litter:
            continue
        state = tree.files.get(path)
        found = "is missing" if state is None else f"has {state.size:,} bytes"
        if state is None or state.size != record.size:
            raise ScratchFailed(
                f"{str(work / path)!r} {found} on scratch; {record.size:,} bytes were unpacked. Nothing was archived.",
                action="Unpack the delivery again; if this repeats, check the scratch disk.",
                code="scratch-damaged",
            )
    return expected


def check_archivable(rid: Rid, source: Tree) -> None:
    """Refuse a work that cannot become an archive copy whatever the archive holds.

    :raises ArchiveClash: if something in it has the name of the archive's own record, or of a file that a killed
        sync leaves there and the next one takes away.
    :raises NotArchivable: if something in it is neither a file nor a folder.
    :raises EmptyWork: if it holds no file.
    """
    own = [
        _clash(path, f"{path!r} is {kind} in the work; the archive keeps its own record under that name.")
        for path, kind, there in (
            (FOLDER, "a file", source.files),
            *((path, "a folder", source.folders) for path in own_paths(rid)),
        )
        if path in there
    ]
    own += [
        _clash(path, f"{path!r} in the work has a name that the archive keeps for the files that a sync is writing.")
        for path in sorted((*source.files, *source.folders))
        if is_temporary(path.rpartition("/")[2])
    ]
    if own:
        raise ArchiveClash(
            f"{rid} cannot be archived: {own[0].message}",
            action="Rename it, then deliver the work again.",
            findings=own,
        )
    if source.others:
        findings = [
            Finding(code=NotArchivable.code, path=path, message=f"{path!r} is {kind}.")
            for path, kind in sorted(source.others.items())
        ]
        raise NotArchivable(
            f"{rid} cannot be archived: {findings[0].message}{_and_more(findings)}",
            action="Deliver the work with plain files and folders only.",
            findings=findings,
        )
    if not source.files:
        raise EmptyWork(f"{rid} cannot be archived: it holds no file.", action="Deliver the work with its content.")


def check_own_record(rid: Rid, archived: Tree, target: Path) -> None:
    """Make sure that nothing stands in the way of the archive copy's own record.

    :raises ArchiveFailed: if a link, a device or a file does.
    """
    for path in (FOLDER, *own_paths(rid)):
        if kind := archived.others.get(path):
            raise in_the_way(target / path, kind)
    if FOLDER in archived.files:
        raise in_the_way(target / FOLDER, "a file")


def check_fits(rid: Rid, source: Tree, archived: Tree, target: Path) -> None:
    """Refuse to put ``source`` where something of another kind is.

    :raises ArchiveClash: if one side has a file where the other has a folder.
    :raises ArchiveFailed: if the archive has a link (or a device) where the work has something.
    """
    for path in [*source.folders, *source.files]:
        if kind := archived.others.get(path):
            raise in_the_way(target / path, kind)
    findings = [
        *(
            _clash(path, f"{path!r} is a file in the work, and a folder in the archive: {str(target / path)!r}.")
            for path in source.files
            if path in archived.folders
        ),
        *(
            _clash(path, f"{path!r} is a folder in the work, and a file in the archive: {str(target / path)!r}.")
            for path in source.folders
            if path in archived.files
        ),
    ]
    if findings:
        raise ArchiveClash(
            f"{rid} cannot be archived: {findings[0].message}{_and_more(findings)}",
            action="Rename one of the two, then deliver the work again.",
            findings=findings,
        )


def _clash(path: str, message: str) -> Finding:
    return Finding(code=ArchiveClash.code, path=path, message=message)


def _and_more(findings: Sequence[Finding]) -> str:
    return f" ({len(findings) - 1} more of the kind.)" if len(findings) > 1 else ""
