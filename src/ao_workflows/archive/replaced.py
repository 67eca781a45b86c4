"""Versions of files that a sync replaced or took out, kept for some days beside their work in a dated folder."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ao_workflows.archive.copying import temporary_for
from ao_workflows.archive.disk import archive_errors
from ao_workflows.archive.options import Access
from ao_workflows.archive.place import Place, is_real_folder
from ao_workflows.log import get_logger
from ao_workflows.works import Rid

log = get_logger(__name__)

_DATED = "%Y-%m-%dT%H%M%SZ"
_FOLDER = re.compile(r"\.(?!\.)(.+)\.replaced")
_NO_LINK = frozenset({errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})


class Replaced:
    """Where one sync keeps what it replaces: ``{shard}/.{RID}.replaced/{time}``, by the paths that it had.

    No two syncs share a folder, however soon one follows another, so that neither takes what the other keeps.

    :param days: how long it is kept; 0 for not at all.
    :param access: who may use the folders: whoever syncs next beside them has to remove them one day.
    """

    def __init__(self, place: Place, rid: Rid, *, days: int, moment: datetime, access: Access) -> None:
        self._place = place
        self._access = access
        self._days = days
        self._moment = moment
        self._of_work = place.shard / f".{rid}.replaced"
        self._folder: Path | None = None

    def keep(self, path: str) -> None:
        """Give a file of the archive copy a second name in the folder, or copy it; it stays where it is.

        :param path: relative to the work.
        """
        if not self._days:
            return
        with archive_errors(self._place.mount, self._of_work / path):
            if self._folder is None:
                self._folder = self._make_folder()
            there, here = self._place.path / path, self._folder / path
            self._make_parents(here.parent)
            try:
                os.link(there, here, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                _copy(there, here)

    def _make_folder(self) -> Path:
        moment = self._moment.astimezone(UTC)
        while True:
            folder = self._of_work / moment.strftime(_DATED)
            # The sync of another work may remove the folder of them all while it is empty.
            with suppress(FileNotFoundError):
                if not is_real_folder(self._of_work):
                    self._make(self._of_work)
                try:
                    self._make(folder)
                except FileExistsError:
                    moment += timedelta(seconds=1)
                else:
                    return folder

    def _make_parents(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_parents(folder.parent)
            self._make(folder)

    def _make(self, folder: Path) -> None:
        folder.mkdir()
        self._access.give_folder(folder)


def remove_old(place: Place, *, days: int, moment: datetime) -> None:
    """Remove what was kept for more than ``days`` days at ``moment``, of all works of the shard; nothing for 0 days.

    What cannot be removed stays, and the log names it: the work that was synced is in its place all the same.
    """
    if not days:
        return
    with _told(place.shard):
        for folder in list(place.shard.iterdir()):
            if _FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                with _told(folder):
                    _remove_older(folder, than=moment - timedelta(days=days))


def _remove_older(folder: Path, *, than: datetime) -> None:
    for dated in list(folder.iterdir()):
        try:
            kept_since = datetime.strptime(dated.name, _DATED).replace(tzinfo=UTC)
        except ValueError:
            continue  # not ours
        if kept_since < than and not dated.is_symlink() and dated.is_dir():
            with _told(dated):
                shutil.rmtree(dated)
    if not any(folder.iterdir()):
        folder.rmdir()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        pass  # another sync of the mount is at it, too
    except OSError as error:
        log.warning("old versions stay", folder=str(folder), error=error.strerror, action="Remove them by hand.")


def _copy(there: Path, here: Path) -> None:
    """Copy a file, or a link, so that it is on disk before it has its name."""
    temporary = Path(temporary_for(str(here)))
    shutil.copy2(there, temporary, follow_symlinks=False)
    if not temporary.is_symlink():
        descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    os.replace(temporary, here)
