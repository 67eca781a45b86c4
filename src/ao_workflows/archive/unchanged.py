"""An archive copy that no sync changes while somebody else reads it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ao_workflows.archive.disk import NOT_WRITABLE, ArchiveFailed
from ao_workflows.archive.lock import work_lock
from ao_workflows.archive.record import read_record
from ao_workflows.errors import MustWait
from ao_workflows.inventory import FileRecord
from ao_workflows.log import get_logger
from ao_workflows.works import Rid

log = get_logger(__name__)


@contextmanager
def unchanged_copy(copy: Path, rid: Rid, records: Mapping[str, FileRecord], *, mount: Path) -> Iterator[None]:
    """Hold the lock of a work's archive copy, so that no sync of ours changes it during the block.

    Where this user may not lock, as on a mount that is read-only, nothing is held, and the log says so; whether the
    record has changed is looked at once more after the block then.

    :param records: what was on record of the copy when it was looked at, by path.
    :raises MustWait: (``waiting-for-sync``) if a sync of the work runs, or one has changed the record since.
    :raises ArchiveFailed: if the disk fails.
    """
    is_held = True
    with ExitStack() as held:
        try:
            held.enter_context(work_lock(copy.parent, rid, mount=mount))
        except ArchiveFailed as error:
            if not (isinstance(error.__cause__, OSError) and error.__cause__.errno in NOT_WRITABLE):
                raise
            is_held = False
            log.warning("read without a lock: this user may not lock it", copy=str(copy), error=error.message)
        _expect_record(copy, rid, records, mount=mount)
        yield
        if not is_held:
            _expect_record(copy, rid, records, mount=mount)


def _expect_record(copy: Path, rid: Rid, records: Mapping[str, FileRecord], *, mount: Path) -> None:
    if read_record(copy, rid, mount=mount) != records:
        raise MustWait(
            f"another sync of {rid}: it has changed the archive copy that was to be read",
            action="It is looked at again by itself; run by hand, run it once more.",
            code="waiting-for-sync",
        )
