"""What one sync did, for its caller and for machines."""

from dataclasses import dataclass
from pathlib import Path

from ao_workflows.inventory import FileRecord
from ao_workflows.works import Rid


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one sync did to one work.

    :param archive_path: the work's folder in the archive.
    :param added: files that were not there before.
    :param replaced: files whose content was another one before.
    :param removed: files taken out of the archive copy because the work does not have them; none unless asked for.
    :param unchanged: files that were right already and were left alone.
    :param bytes: size of the added and replaced files together.
    :param verified: files whose content in the archive was compared with a checksum during this sync.
    :param from_memory: those of them that were read back and came from memory, because the system kept them there,
        or does not tell.
    :param skipped: what was not synced because of its name, relative to the work.
    :param records: what is on record of the archive copy now.
    """

    rid: Rid
    archive_path: Path
    added: int
    replaced: int
    removed: int
    unchanged: int
    bytes: int
    verified: int
    from_memory: int = 0
    skipped: tuple[str, ...] = ()
    records: tuple[FileRecord, ...] = ()

    @property
    def files(self) -> int:
        """All files of the work that are in the archive now."""
        return self.added + self.replaced + self.unchanged

    def as_dict(self) -> dict[str, object]:
        """The result as the command line prints it in JSON."""
        return {
            "rid": self.rid,
            "archive_path": str(self.archive_path),
            "added": self.added,
            "replaced": self.replaced,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "bytes": self.bytes,
            "verified": self.verified,
            "from_memory": self.from_memory,
            "skipped": list(self.skipped),
        }
