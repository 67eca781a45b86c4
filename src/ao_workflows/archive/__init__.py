"""Putting a work in its place in the archive file system: verified, restartable, and nothing done twice."""

from ao_workflows.answering import Progress
from ao_workflows.archive.changes import Changes, changes_between
from ao_workflows.archive.copying import ScratchDamaged
from ao_workflows.archive.disk import ArchiveFailed, ScratchFailed, expect_answer
from ao_workflows.archive.lock import FIRST_TURN
from ao_workflows.archive.options import AS_MADE, Access, SyncOptions, WebOptions
from ao_workflows.archive.own_record import Recorded, own_record_kept, record_proof
from ao_workflows.archive.proof import COPY_FILE_DIFFERS, COPY_FILE_MISSING, Proof, hold_place, verify_copy
from ao_workflows.archive.reading_back import WriteDamaged
from ao_workflows.archive.record import RecordDamaged, own_paths, read_record
from ao_workflows.archive.refusal import ArchiveClash, EmptyWork, NotArchivable
from ao_workflows.archive.result import SyncResult
from ao_workflows.archive.sync import preview_sync, sync_work
from ao_workflows.archive.tree import bytes_below, is_litter, is_litter_path
from ao_workflows.archive.unchanged import unchanged_copy

__all__ = [
    "AS_MADE",
    "COPY_FILE_DIFFERS",
    "COPY_FILE_MISSING",
    "FIRST_TURN",
    "Access",
    "ArchiveClash",
    "ArchiveFailed",
    "Changes",
    "EmptyWork",
    "NotArchivable",
    "Progress",
    "Proof",
    "RecordDamaged",
    "Recorded",
    "ScratchDamaged",
    "ScratchFailed",
    "SyncOptions",
    "SyncResult",
    "WebOptions",
    "WriteDamaged",
    "bytes_below",
    "changes_between",
    "expect_answer",
    "hold_place",
    "is_litter",
    "is_litter_path",
    "own_paths",
    "own_record_kept",
    "preview_sync",
    "read_record",
    "record_proof",
    "sync_work",
    "unchanged_copy",
    "verify_copy",
]
