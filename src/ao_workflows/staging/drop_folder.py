"""The drop folder: zips of works that people deliver by hand, and what becomes of the files there."""

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.catalog import Delivery, DeliveryState, ObjectArrival
from ao_workflows.errors import SystemFailed
from ao_workflows.log import get_logger
from ao_workflows.storage import ObjectGone, open_local_source
from ao_workflows.works import InvalidRid, rid_of_object_key

DONE_FOLDER = "done"
"""Where a dropped file goes when all its works are in the archive."""

DROP_EVENT = "Dropped"
"""What stands in an arrival where S3's arrivals have the event's name."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A zip in the drop folder.

    :param settled: whether nothing has touched it for long enough to believe that its copying has ended.
    """

    path: Path
    settled: bool

    def arrival(self) -> ObjectArrival:
        """Return what to record of it; its inode, size and time stand in for a version."""
        info = open_local_source(self.path).info
        return ObjectArrival(
            kind="drop",
            bucket="",
            key=str(self.path),
            version=info.etag,
            event_name=DROP_EVENT,
            event_at=None,
            size=info.size,
            rid=rid_hint(self.path.name),
        )


def look(folder: Path, *, settle_seconds: int) -> Iterator[DroppedFile]:
    """Yield the zips in ``folder`` in name order; hidden files (a copy in progress, often) are not looked at.

    :raises SystemFailed: if the folder cannot be read.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise SystemFailed(
            f"{folder}: {error.strerror}.",
            action="Create the drop folder or mount it, and let this user read and write it.",
            code="drop-folder-failed",
        ) from error
    for entry in entries:
        if entry.name.startswith(".") or not entry.name.lower().endswith(".zip"):
            continue
        try:
            if not entry.is_file(follow_symlinks=False):
                continue
            # The kernel sets the change time on every write; a copying tool cannot set it back as it can the others.
            touched = entry.stat(follow_symlinks=False).st_ctime
        except FileNotFoundError:
            continue  # taken away since the folder was listed
        except OSError as error:
            raise SystemFailed(
                f"{folder / entry.name}: {error.strerror}.",
                action="Let this user enter and read the drop folder, and check its mount.",
                code="drop-folder-failed",
            ) from error
        yield DroppedFile(folder.absolute() / entry.name, settled=time.time() - touched >= settle_seconds)


def tidy(delivery: Delivery) -> None:
    """Show in the drop folder what became of a closed delivery: move its file to ``done``, or lay a note beside it.

    Doing so again changes nothing. The file itself is never changed or deleted. That the folder cannot be written is
    told in the log and stops nothing.
    """
    if delivery.kind != "drop":
        return
    path = Path(delivery.object_key)
    note = path.with_name(f"{path.name}.rejected.txt")
    try:
        if not _is_same_file(path, delivery):
            return
        if delivery.state == DeliveryState.REJECTED:
            _lay(note, f"{delivery.reason}\n{delivery.action}\n")
        elif delivery.state == DeliveryState.COMPLETE:
            note.unlink(missing_ok=True)
            done = path.parent / DONE_FOLDER
            done.mkdir(exist_ok=True)
            path.rename(_free_name(done, path, delivery.id))
    except (OSError, SystemFailed) as error:
        log.warning(
            "drop folder not tidied",
            file=str(path),
            error=error.strerror if isinstance(error, OSError) else error.message,
            action="Let this user write the drop folder; the delivery itself is not affected.",
        )


def rid_hint(name: str) -> str:
    """Return the RID that an object's name gives, or an empty text: the works inside say themselves who they are."""
    try:
        return rid_of_object_key(name)
    except InvalidRid:
        return ""


def _is_same_file(path: Path, delivery: Delivery) -> bool:
    """Tell whether what lies at ``path`` is what was delivered; a mended file of the same name is another delivery."""
    try:
        return not path.is_symlink() and open_local_source(path).info.etag == delivery.object_version
    except ObjectGone:
        return False


def _lay(note: Path, text: str) -> None:
    """Let ``note`` say ``text``: a note on an earlier file of that name is replaced, links are not followed."""
    content = text.encode("utf-8", errors="backslashreplace")
    if note.is_file() and not note.is_symlink() and note.read_bytes() == content:
        return
    unfinished = note.with_name(f".{note.name}.partial")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as file:
        file.write(content)
    unfinished.replace(note)


def _free_name(folder: Path, path: Path, delivery_id: int) -> Path:
    """Return where to put ``path`` in ``folder`` so that nothing there is overwritten."""
    names = itertools.chain(
        [path.name, f"{path.stem}.delivery-{delivery_id}{path.suffix}"],
        (f"{path.stem}.delivery-{delivery_id}-{number}{path.suffix}" for number in itertools.count(2)),
    )
    return next(folder / name for name in names if not os.path.lexists(folder / name))
