"""Versions of files that a sync replaced or took out, kept for some days beside their work in a dated folder."""

import errno
import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ao_workflows.archive.disk import archive_errors
from ao_workflows.archive.place import Place
from ao_workflows.works import Rid

_DATED = "%Y-%m-%dT%H%M%SZ"
_FOLDER = re.compile(r"\.(?!\.)(.+)\.replaced")
_NO_LINK = frozenset({errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})


class Replaced:
    """Where one sync keeps what it replaces: ``{shard}/.{RID}.replaced/{time}``, by the paths that it had.

    :param days: how long it is kept; 0 for not at all.
    """

    def __init__(self, place: Place, rid: Rid, *, days: int, moment: datetime) -> None:
        self._place = place
        self._days = days
        self._moment = moment
        self.folder = place.shard / f".{rid}.replaced" / moment.astimezone(UTC).strftime(_DATED)

    def keep(self, path: str) -> None:
        """Give a file of the archive copy a second name in the folder; it stays where it is.

        Where that cannot be done, it is moved; its successor takes its place at once.

        :param path: relative to the work.
        """
        if not self._days:
            return
        there, here = self._place.path / path, self.folder / path
        with archive_errors(self._place.mount, here):
            here.parent.mkdir(parents=True, exist_ok=True)
            here.unlink(missing_ok=True)
            try:
                os.link(there, here, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                os.rename(there, here)

    def remove_old(self) -> None:
        """Remove what was kept for long enough, of all works of the shard."""
        if not self._days:
            return
        with archive_errors(self._place.mount, self._place.shard):
            for folder in self._place.shard.iterdir():
                if _FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                    self._remove_old_in(folder)

    def _remove_old_in(self, folder: Path) -> None:
        for dated in folder.iterdir():
            try:
                kept_since = datetime.strptime(dated.name, _DATED).replace(tzinfo=UTC)
            except ValueError:
                continue  # not ours
            if self._moment - kept_since > timedelta(days=self._days):
                shutil.rmtree(dated)
        if not any(folder.iterdir()):
            folder.rmdir()
