"""What one sync did, for its caller and for machines."""

from dataclasses import dataclass
from pathlib import Path

from ao_workflows.works import Rid


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one sync did to one work.

    :param archive_path: the work's folder in the archive.
    :param added: files that were not there before.
    :param replaced: files whose content was another one before.
    :param removed: files taken out of the archive copy; files that are gone from the work are kept, so this is 0.
    :param unchanged: files that were right already and were left alone.
    :param bytes: size of the added and replaced files together.
    :param verified: files that were read back from the archive and compared during this sync.
    :param skipped: what was not synced because of its name, relative to the work.
    """

    rid: Rid
    archive_path: Path
    added: int
    replaced: int
    removed: int
    unchanged: int
    bytes: int
    verified: int
    skipped: tuple[str, ...] = ()

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
            "skipped": list(self.skipped),
        }
