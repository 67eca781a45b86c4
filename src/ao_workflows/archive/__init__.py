"""Putting a work in its place in the archive file system: verified, restartable, and nothing done twice."""

from ao_workflows.archive.copying import ScratchDamaged, WriteDamaged
from ao_workflows.archive.disk import ArchiveFailed, ScratchFailed
from ao_workflows.archive.options import Access, SyncOptions
from ao_workflows.archive.record import RecordDamaged, read_record, record_path
from ao_workflows.archive.refusal import ArchiveClash, EmptyWork, NotArchivable
from ao_workflows.archive.result import SyncResult
from ao_workflows.archive.sync import sync_work
from ao_workflows.archive.transfer import Progress
from ao_workflows.archive.tree import is_litter

__all__ = [
    "Access",
    "ArchiveClash",
    "ArchiveFailed",
    "EmptyWork",
    "NotArchivable",
    "Progress",
    "RecordDamaged",
    "ScratchDamaged",
    "ScratchFailed",
    "SyncOptions",
    "SyncResult",
    "WriteDamaged",
    "is_litter",
    "read_record",
    "record_path",
    "sync_work",
]
