"""The folder in which a work is put together: ``DEST/.{RID}.partial``.

::

    .W22084.partial/source.json    which object this is from; of another one, nothing is kept
    .W22084.partial/journal.db     which files in content are known to be on the disk
    .W22084.partial/incoming.7     a file that is being written
    .W22084.partial/content/…      files that were verified, under their final names

Killed at any moment and opened again, it holds only verified files in ``content``, as far as the disk kept its word:
what is not in the journal is read again. It is used by one process at a time, with as many threads as it likes.
"""

import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ao_workflows.bags.disk import open_new, special_below, walk
from ao_workflows.bags.journal import Journal
from ao_workflows.errors import MustWait
from ao_workflows.storage import Source
from ao_workflows.works import Rid

_FORMAT = 1  # of the folder, raised when what an older release left cannot be gone on with


class Partial:
    """An open partial folder, locked for this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "content"
        self.is_new = False
        """Whether nothing was there when it was begun."""
        self._journal: Journal | None = None
        self._numbers = itertools.count()

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            self._journal.close()

    def remove(self) -> None:
        """Delete it with all that is in it."""
        shutil.rmtree(self.path)

    def sizes(self) -> Iterator[int]:
        """Yield the size of each file that was verified."""
        for folder, _, names in walk(self.work):
            yield from (os.lstat(os.path.join(folder, name)).st_size for name in names)

    def new_incoming(self) -> str:
        """Return a name for a file that is going to be written, another one each time."""
        return f"{self.path}/incoming.{next(self._numbers)}"

    def begin(self, source: Source) -> Journal:
        """Keep what was verified of this very ``source``, delete everything else; return the journal of it.

        Nor is anything kept beside a link, which somebody else has put there: what is written would go elsewhere.
        """
        note = self.path / "source.json"
        identity = _identity(source)
        for unfinished in self.path.glob("incoming.*"):
            unfinished.unlink()
        if self.work.is_symlink():
            self.work.unlink()
        journal = self.path / "journal.db"
        if journal.is_symlink():
            journal.unlink()
        if self.work.exists() and (_read(note) != identity or special_below(self.work) is not None):
            shutil.rmtree(self.work)
        if _read(note) != identity:
            temporary = self.path / "source.json.part"
            with open(open_new(temporary), "w", encoding="utf-8") as file:
                json.dump(identity, file)
            temporary.replace(note)
        self.is_new = not self.work.exists()
        if self.is_new:
            journal.unlink(missing_ok=True)
        self.work.mkdir(exist_ok=True)
        self._journal = Journal(journal, self.work)
        return self._journal


@contextmanager
def open_partial(destination: Path, rid: Rid) -> Iterator[Partial]:
    """Open the partial folder of a work, making it where there is none.

    :raises MustWait: with the code ``unpack-in-progress``, if another process has it.
    """
    path = destination / f".{rid}.partial"
    path.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_current = path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
        except BlockingIOError:
            is_current = False
        # The folder can also be gone, or another one, when who held it has just finished.
        if not is_current:
            raise MustWait(
                f"another process that unpacks {rid} into {destination}",
                action="It goes on by itself when the other has finished.",
                code="unpack-in-progress",
            )
        with closing(Partial(path)) as partial:
            yield partial
    finally:
        os.close(descriptor)


def _identity(source: Source) -> dict[str, object]:
    info = source.info
    return {
        "format": _FORMAT,
        "name": source.name,
        "etag": info.etag,
        "version": info.version_id,
        "size": info.size,
    }


def _read(note: Path) -> object:
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
