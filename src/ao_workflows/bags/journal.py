"""The journal of a partial folder: which of its files were verified and are safely on the disk.

It vouches for nothing that the disk could still lose: a file is entered after a flush that began when it was complete.
What has another size or time than the journal says, the time of its last status change included, has been touched
since, and is read again; so is everything that the journal does not know. It only saves time: where it is damaged or
cannot be written, a restart reads more.
"""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ao_workflows.flushing import flushed
from ao_workflows.inventory import FileRecord, Inventory

SECONDS = 10.0
"""Between two entries: what a restart reads again is about as much as is done in that time."""

_LETS_GO_WITHIN = 0.5
"""Seconds."""

_TABLE = """
CREATE TABLE IF NOT EXISTS verified
(place BLOB PRIMARY KEY, size INTEGER, sha512 BLOB, modified_ns INTEGER, changed_ns INTEGER) WITHOUT ROWID
"""


class Journal:
    """What is known of the files in a folder. Several threads may ask while one adds.

    :param path: the journal itself, an SQLite database; made where there is none.
    :param content: the folder of the files.
    """

    def __init__(self, path: Path, content: Path) -> None:
        self._content = str(content)
        self._using = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        with suppress(sqlite3.Error):
            self._database.execute(_TABLE)

    def find(self, place: str) -> FileRecord | None:
        """Return the record of the file at ``place`` in the folder, if it is as it was when it was verified."""
        row = None
        with self._using, suppress(sqlite3.Error):
            row = self._database.execute("SELECT * FROM verified WHERE place = ?", (os.fsencode(place),)).fetchone()
        if row is None:
            return None
        _, size, sha512, modified_ns, changed_ns = row
        try:
            found = os.lstat(f"{self._content}/{place}")
        except FileNotFoundError:
            return None
        seen = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if not stat.S_ISREG(found.st_mode) or seen != (size, modified_ns, changed_ns):
            return None
        return FileRecord(place, size, sha512.hex(), modified_ns)

    def add(self, records: Iterable[FileRecord]) -> None:
        """Enter files that are on the disk; when this returns, so is the entry; errors of SQLite pass."""
        with self._using, self._database:
            self._database.executemany("INSERT OR REPLACE INTO verified VALUES (?, ?, ?, ?, ?)", self._rows(records))

    def _rows(self, records: Iterable[FileRecord]) -> Iterator[tuple[bytes, int, bytes, int, int]]:
        for record in records:
            changed_ns = os.lstat(f"{self._content}/{record.path}").st_ctime_ns
            checksum = bytes.fromhex(record.sha512)
            yield os.fsencode(record.path), record.size, checksum, record.modified_ns, changed_ns

    def close(self) -> None:
        """Let go of the file."""
        with self._using:
            self._database.close()


@contextmanager
def kept_up(journals: Sequence[tuple[Journal, Inventory]], folder: Path) -> Iterator[None]:
    """While the block runs, enter into each journal what is added to its inventory, every :data:`SECONDS`.

    :param folder: a folder on the file system of the files.
    """
    done = threading.Event()

    def keep_up() -> None:
        # A failure of the disk is told to each who has it open: to this thread here, and to the flush that counts.
        with suppress(OSError, sqlite3.Error), flushed(folder) as flush:
            entered = [0] * len(journals)
            while not done.wait(SECONDS):
                ends = [len(inventory) for _, inventory in journals]
                if ends == entered:
                    continue
                flush()
                if done.is_set():
                    return
                for (journal, inventory), start, end in zip(journals, entered, ends, strict=True):
                    journal.add(inventory.added(start, end))
                entered = ends

    keeper = threading.Thread(target=keep_up, name="journal", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        # It lets go of the disk at once, so that whoever wants to unmount it may; but nobody waits for a flush that is
        # under way: it can take minutes, and its journal is closed by then.
        keeper.join(_LETS_GO_WITHIN)
