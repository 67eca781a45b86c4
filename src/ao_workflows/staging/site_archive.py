"""Archiving by the site's own program: done only when every file is read back from the archive and is the right one."""

import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ao_workflows.archive import (
    COPY_FILE_MISSING,
    EmptyWork,
    Progress,
    Proof,
    Recorded,
    hold_place,
    is_litter_path,
    own_paths,
    own_record_kept,
    record_proof,
    verify_copy,
)
from ao_workflows.errors import AoError, Finding, SystemFailed
from ao_workflows.inventory import FileRecord
from ao_workflows.log import get_logger
from ao_workflows.settings import Settings
from ao_workflows.staging.on_mount import on_mount
from ao_workflows.staging.scratch import forget, is_whole
from ao_workflows.staging.site_tools import sync_to_archive
from ao_workflows.staging.sync_plan import SyncPlan, archive_access
from ao_workflows.staging.telling import told
from ao_workflows.works import Rid, archive_mount, archive_path

log = get_logger(__name__)

_LEAVES_WITHIN = 10.0
"""Seconds."""


def archived_by_command(
    settings: Settings,
    plan: SyncPlan,
    folder: Path,
    rid: Rid,
    inventory: Sequence[FileRecord],
    *,
    recorded: Sequence[FileRecord],
) -> tuple[dict[str, Any], Sequence[FileRecord]]:
    """Let the site's program put a work into the archive, prove that it did, and put that on record there.

    Killed at any moment, it does all of it again.

    :param plan: what is to be done with the work.
    :param folder: the delivery's folder in scratch, which holds the work.
    :param inventory: what was unpacked.
    :param recorded: what is on record in the catalog of the archive copy.
    :returns: what was done, for the record, and all that the copy holds now.
    :raises MustWait: (``waiting-for-sync``) if another sync of the work runs, also one that outlived its caller;
        (``waiting-for-mount``) if the mount does not answer before the program runs, or after it.
    :raises ContentRejected: if the work holds no file, or none but litter that was left out; if the program says that
        the content is bad.
    :raises SystemFailed: (``sync-command-unproved``) naming each file that is missing in the archive or differs;
        (``scratch-damaged``) if that is because scratch is damaged; if the program, or the archive, fails.
    """
    if not is_whole(folder, rid):
        raise _damaged(folder / rid)
    own = set(own_paths(rid))
    delivered = [record for record in inventory if record.path not in own]
    if not delivered:  # nothing could be proved, and that would be a success over nothing
        raise EmptyWork(f"{rid} holds no file.", action="Deliver the work with its content.")
    root, access = settings.archive_root, archive_access(settings)
    place, mount = archive_path(root, rid), archive_mount(root, rid)

    def hold(progress: Progress) -> _Held:
        with ExitStack() as lock, ExitStack() as own_record:
            at_once = settings.archive.max_syncs
            descriptor = lock.enter_context(hold_place(root, rid, at_once=at_once, access=access))
            own_record.enter_context(own_record_kept(root, rid, access=access))
            progress(0)  # nobody else would let go of it
            return _Held(descriptor, lock.pop_all(), own_record.pop_all())

    def prove(progress: Progress) -> tuple[Proof, list[str], Recorded]:
        with held:  # let go of here: on a mount whose server is gone, that, too, may never come back
            held.own_record.close()
            proof = verify_copy(root, rid=rid, inventory=delivered, progress=progress)
            skipped = _expect_all(settings, proof, folder / rid, inventory, job.log_file)
            progress(0)
            return proof, skipped, record_proof(root, rid, proof, recorded=recorded, access=access)

    held = on_mount(settings, mount, hold)
    try:
        # Signals, by which the program is stopped, are the main thread's affair.
        job = sync_to_archive(settings, folder / rid, plan, keep_open=(held.descriptor,))
        size = sum(record.size for record in delivered)
        with told("proving what was archived", size, place=mount) as progress:
            proof, skipped, on_record = on_mount(settings, mount, prove, progress=progress)
    finally:
        held.leave(mount)
    if skipped:
        log.warning("not archived, because of their names", files=skipped)
    if on_record.changed:
        log.warning("not what is on record of them, and not of this delivery", files=on_record.changed)
    detail = {
        "rid": rid,
        "archive_path": str(place),
        "verified": len(proof.records),
        "bytes": sum(record.size for record in proof.records),
        "skipped": skipped,
        "not_as_recorded": list(on_record.changed),
        "program": settings.sync.command,
        "log": str(job.log_file),
    }
    return detail, on_record.records


@dataclass(slots=True)
class _Held:
    """What is held while the site's program runs, and until its work is on record.

    :param descriptor: of the lock's file.
    :param lock: what lets go of the place, and ``own_record``: what undoes what the program did to the copy's record.
    :param is_used: whether a thread has it, which lets go of it.
    """

    descriptor: int
    lock: ExitStack
    own_record: ExitStack
    is_used: bool = False

    def __enter__(self) -> None:
        self.is_used = True

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.own_record.close()

    def leave(self, mount: Path) -> None:
        """Let go of it, unless a thread has it; but wait no longer than a mount takes that answers."""
        if not self.is_used:
            leaving = threading.Thread(target=self._leave, name=f"leaving {mount}", daemon=True)
            leaving.start()
            leaving.join(_LEAVES_WITHIN)

    def _leave(self) -> None:
        try:
            self.__exit__()
        except AoError as error:  # what went wrong before it is what is told
            log.warning("the copy's own record was not put back", message=error.message, action=error.action)


def _expect_all(
    settings: Settings, proof: Proof, work: Path, inventory: Sequence[FileRecord], log_file: Path
) -> list[str]:
    """Make sure that the copy has all that was delivered; return the litter that it may do without."""
    skipped = [each.path for each in proof.findings if settings.sync.may_skip_litter and _is_litter(each)]
    findings = [finding for finding in proof.findings if finding.path not in set(skipped)]
    if findings:
        by_path = {record.path: record for record in inventory}
        if any(not _is_as_unpacked(work, by_path[finding.path]) for finding in findings):
            raise _damaged(work)
        place = archive_path(settings.archive_root, Rid(work.name))
        raise _unproved(settings.sync.command, place, findings, log_file)
    if not proof.records:  # a success over nothing, as above
        raise EmptyWork(
            f"{work.name} holds nothing but litter by its name, and {settings.sync.command} has left all of it out.",
            action="Deliver the work with its content.",
        )
    return skipped


def _unproved(program: str, place: Path, findings: Sequence[Finding], log_file: Path) -> SystemFailed:
    more = len(findings) - 1
    others = f" {more} more {'file is' if more == 1 else 'files are'} not right either." if more else ""
    hint = (
        "Such files are litter by their names: let the program copy them, or set may_skip_litter in [sync]."
        if all(_is_litter(finding) for finding in findings)
        else "Mend the program, or the disk that it wrote to."
    )
    return SystemFailed(
        f"{program} ended well, but {place} is not what was delivered: {findings[0].message}{others}",
        action=f"See {log_file}. {hint} The work stays in scratch, and it is tried again.",
        code="sync-command-unproved",
        findings=findings,
    )


def _damaged(work: Path) -> SystemFailed:
    forget(work.parent, Rid(work.name))
    return SystemFailed(
        f"{work} is no longer as it was unpacked.",
        action="Check the scratch disk; the next attempt fetches the work anew.",
        code="scratch-damaged",
    )


def _is_litter(finding: Finding) -> bool:
    return finding.code == COPY_FILE_MISSING and is_litter_path(finding.path)


def _is_as_unpacked(work: Path, record: FileRecord) -> bool:
    try:
        descriptor = os.open(work / record.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    with open(descriptor, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha512").hexdigest() == record.sha512
