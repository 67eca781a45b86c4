"""Archiving by the site's own program: done only when every file is read back from the archive and is the right one."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from ao_workflows.archive import COPY_FILE_MISSING, EmptyWork, hold_place, is_litter_path, record_path, verify_copy
from ao_workflows.errors import Finding, SystemFailed
from ao_workflows.inventory import FileRecord
from ao_workflows.settings import Settings
from ao_workflows.staging.scratch import forget, is_whole
from ao_workflows.staging.site_tools import sync_to_archive
from ao_workflows.staging.sync_plan import SyncPlan
from ao_workflows.works import Rid, archive_path

log = structlog.get_logger(__name__)


def archived_by_command(
    settings: Settings, plan: SyncPlan, folder: Path, rid: Rid, inventory: Sequence[FileRecord]
) -> dict[str, Any]:
    """Let the site's program put a work into the archive, and prove that it did; return what is there, for the record.

    :param plan: what is to be done with the work.
    :param folder: the delivery's folder in scratch, which holds the work.
    :param inventory: what was unpacked.
    :raises MustWait: (``waiting-for-sync``) if another sync of the work runs, also one that outlived its caller.
    :raises ContentRejected: if the work holds no file, or the program says that the content is bad.
    :raises SystemFailed: (``sync-command-unproved``) naming each file that is missing in the archive or differs;
        (``scratch-damaged``) if that is because scratch is damaged; if the program, or the archive, fails.
    """
    if not is_whole(folder, rid):
        raise _damaged(folder, rid)
    delivered = [record for record in inventory if record.path != record_path(rid)]
    if not delivered:  # nothing could be proved, and that would be a success over nothing
        raise EmptyWork(f"{rid} holds no file.", action="Deliver the work with its content.")
    place = archive_path(settings.archive_root, rid)
    with hold_place(settings.archive_root, rid, at_once=settings.archive.max_syncs) as lock:
        job = sync_to_archive(settings, folder / rid, plan, keep_open=(lock,))
        findings = verify_copy(settings.archive_root, rid=rid, inventory=delivered)
    skipped = [each.path for each in findings if settings.sync.may_skip_litter and _is_litter(each)]
    if skipped:
        log.warning("not archived, because of their names", files=skipped)
        findings = [finding for finding in findings if not _is_litter(finding)]
    if findings:
        by_path = {record.path: record for record in inventory}
        if any(not _is_as_unpacked(folder / rid, by_path[finding.path]) for finding in findings):
            raise _damaged(folder, rid)
        raise _unproved(settings.sync.command, place, findings, job.log_file)
    left_out = set(skipped)
    proved = [record for record in delivered if record.path not in left_out]
    return {
        "rid": rid,
        "archive_path": str(place),
        "verified": len(proved),
        "bytes": sum(record.size for record in proved),
        "skipped": skipped,
        "program": settings.sync.command,
        "log": str(job.log_file),
    }


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


def _damaged(folder: Path, rid: Rid) -> SystemFailed:
    forget(folder, rid)
    return SystemFailed(
        f"{folder / rid} is no longer as it was unpacked.",
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
