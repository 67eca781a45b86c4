"""Targets on the disk: a work that is being put together, and one that is there already."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from ao_workflows.bags.bagit import Digests
from ao_workflows.bags.bagit.manifests import PAYLOAD
from ao_workflows.bags.disk import open_new, special_below, sync, walk
from ao_workflows.bags.journal import Journal
from ao_workflows.bags.partial import Partial
from ao_workflows.bags.plan import PlannedMember
from ao_workflows.bags.text import quoted
from ao_workflows.errors import UsageError
from ao_workflows.flushing import start_writing
from ao_workflows.inventory import Inventory
from ao_workflows.storage.interface import STREAM_CHUNK

_WRITTEN_AT_ONCE = 8 << 20
"""Bytes of a file after which the disk begins with them."""

_WORTH_WRITING = 1 << 20
"""Bytes at the end of a file for which that is worth it; the disk takes many small files better all at once."""


class DestinationOccupied(UsageError):
    """Something else than what would be unpacked is in its place; it is never deleted."""

    code = "destination-occupied"


class WorkInProgress:
    """A :class:`~ao_workflows.bags.examine.Target` that puts a work together in its partial folder."""

    def __init__(self, partial: Partial, journal: Journal, planned: PlannedMember, final: Path) -> None:
        self.inventory = Inventory(planned.placement.of)
        self.journal = journal
        self.final = final
        self._partial = partial
        self._placement = planned.placement
        # Paths as plain text: pathlib keeps every part of every path that it ever made.
        self._content = str(partial.work)
        self._folder_times: dict[str, int] = {}
        self._made = {""}

    def is_verified(self, path: str) -> bool:
        """See the protocol."""
        place = self._placement.of(path)
        record = None if self._partial.is_new else self.journal.find(place)
        if record is None:
            return False
        self._made.add(place.rpartition("/")[0])
        self.inventory.add(path, record.size, bytes.fromhex(record.sha512), record.modified_ns)
        return True

    def existing(self, path: str, size: int) -> Iterator[bytes] | None:
        """See the protocol."""
        if self._partial.is_new:
            return None
        place = self._place(path)
        return content_of(place) if _is_file(place, size) else None

    def keep(self, path: str, digests: Digests) -> None:
        """See the protocol."""
        place = self._placement.of(path)
        self._made.add(place.rpartition("/")[0])
        self.inventory.add(path, digests.size, digests.sha512, os.stat(f"{self._content}/{place}").st_mtime_ns)

    def drop(self, path: str) -> None:
        """See the protocol."""
        os.unlink(self._place(path))

    def begin(self, path: str, modified_ns: int) -> "FileInProgress":
        """See the protocol."""
        return FileInProgress(self, path, self._partial.new_incoming(), modified_ns)

    def folder(self, path: str, modified_ns: int) -> None:
        """See the protocol."""
        place = self._placement.of(path).rstrip("/")
        self._make_folder(place)
        # The provenance folder may also be one of the payload, whose own time then counts.
        if not self._placement.is_bag or path.startswith(PAYLOAD):
            self._folder_times[place] = modified_ns
        else:
            self._folder_times.setdefault(place, modified_ns)

    def add(self, path: str, content: bytes) -> None:
        """Write a file of our own into a plain work."""
        digests = Digests()
        digests.update(content)
        incoming = self._partial.new_incoming()
        with open(open_new(incoming), "wb") as file:
            file.write(content)
        self.take(incoming, path, digests, os.stat(incoming).st_mtime_ns)

    def finish(self) -> None:
        """Set the folders' times; when all is flushed to the disk, the work is ready for its name."""
        for place, modified_ns in self._folder_times.items():
            os.utime(f"{self._content}/{place}", ns=(modified_ns, modified_ns))

    def deliver(self) -> None:
        """Give the work its name, in one rename."""
        self._partial.work.rename(self.final)
        sync(self.final.parent)

    def take(self, incoming: str, path: str, digests: Digests, modified_ns: int) -> None:
        """Give a file that is right its name, and take it into the inventory."""
        place = self._placement.of(path)
        self._make_folder(place.rpartition("/")[0])
        os.rename(incoming, f"{self._content}/{place}")
        self.inventory.add(path, digests.size, digests.sha512, modified_ns)

    def _place(self, path: str) -> str:
        return f"{self._content}/{self._placement.of(path)}"

    def _make_folder(self, place: str) -> None:
        if place not in self._made:
            os.makedirs(f"{self._content}/{place}", exist_ok=True)
            self._made.add(place)


class FileInProgress:
    """One new file of a work, under a name that says nothing until it is accepted."""

    def __init__(self, work: WorkInProgress, path: str, incoming: str, modified_ns: int) -> None:
        self._work = work
        self._path = path
        self._incoming = incoming
        self._modified_ns = modified_ns
        self._descriptor = open_new(incoming)
        self._written = 0
        self._on_its_way = 0  # of these, to the disk

    def write(self, chunk: bytes) -> None:
        """See the protocol."""
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._written += len(chunk)
        self._start_writing(_WRITTEN_AT_ONCE)

    def _start_writing(self, least: int) -> None:
        if self._written - self._on_its_way >= least:
            start_writing(self._descriptor, self._on_its_way, self._written - self._on_its_way)
            self._on_its_way = self._written

    def accept(self, digests: Digests) -> None:
        """See the protocol. The modification time is set before the file gets its name."""
        self._start_writing(_WORTH_WRITING)
        os.utime(self._descriptor, ns=(self._modified_ns, self._modified_ns))
        modified_ns = os.fstat(self._descriptor).st_mtime_ns
        os.close(self._descriptor)
        self._work.take(self._incoming, self._path, digests, modified_ns)

    def discard(self) -> None:
        """See the protocol."""
        os.close(self._descriptor)
        os.unlink(self._incoming)


class WorkInPlace:
    """A :class:`~ao_workflows.bags.examine.Target` for a work that is there already: it may only be the very same.

    :raises DestinationOccupied: from each method that meets a difference.
    """

    def __init__(self, planned: PlannedMember, final: Path) -> None:
        self.inventory = Inventory()
        self.final = final
        self._placement = planned.placement
        self._folders = {""}
        if final.is_symlink() or not final.is_dir():
            raise self._occupied("it is not a folder")
        special = special_below(final)
        if special is not None:
            raise self._occupied(f"{quoted(special)} is a link or a special file")

    def is_verified(self, _path: str) -> bool:
        """Nobody vouches for it."""
        return False

    def existing(self, path: str, size: int) -> Iterator[bytes]:
        """See the protocol."""
        place = self._placement.of(path)
        if not _is_file(f"{self.final}/{place}", size):
            raise self._occupied(f"{quoted(place)} is not there, or has another size")
        return content_of(f"{self.final}/{place}")

    def keep(self, path: str, digests: Digests) -> None:
        """See the protocol."""
        place = self._placement.of(path)
        self._record(place, digests)

    def drop(self, path: str) -> None:
        """See the protocol."""
        raise self._occupied(f"{quoted(self._placement.of(path))} has other content")

    def begin(self, path: str, modified_ns: int) -> NoReturn:
        """Never asked for: every file is there, or was refused."""
        raise NotImplementedError

    def folder(self, path: str, modified_ns: int) -> None:
        """See the protocol. Its time is as it is."""
        del modified_ns
        place = self._placement.of(path).rstrip("/")
        if not (self.final / place).is_dir():
            raise self._occupied(f"the folder {quoted(place)} is not there")
        self._know_folder(place)

    def add(self, place: str, content: bytes) -> None:
        """Compare a file of our own."""
        path = f"{self.final}/{place}"
        if not _is_file(path, len(content)) or b"".join(content_of(path)) != content:
            raise self._occupied(f"{quoted(place)} is not there, or has other content")
        digests = Digests()
        digests.update(content)
        self._record(place, digests)

    def finish(self) -> None:
        """Make sure that nothing else is in the work."""
        known = set(self.inventory.paths)
        for folder, folders, names in walk(self.final):
            for name in [*folders, *names]:
                place = Path(folder, name).relative_to(self.final).as_posix()
                if place not in known and place not in self._folders:
                    raise self._occupied(f"{quoted(place)} is in it, and not in the zip")

    def deliver(self) -> None:
        """It is where it belongs."""

    def _record(self, place: str, digests: Digests) -> None:
        self._know_folder(place.rpartition("/")[0])
        modified_ns = os.stat(f"{self.final}/{place}").st_mtime_ns
        self.inventory.add(place, digests.size, digests.sha512, modified_ns)

    def _know_folder(self, place: str) -> None:
        while place not in self._folders:
            self._folders.add(place)
            place = place.rpartition("/")[0]

    def _occupied(self, why: str) -> DestinationOccupied:
        return DestinationOccupied(
            f"{self.final} is there already and is not the same work: {why}.",
            action="Nothing was changed. Look at what is there; move it away, or unpack to another folder.",
        )


def _is_file(path: str, size: int) -> bool:
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size


def content_of(path: str | Path) -> Iterator[bytes]:
    """Yield the content of a file in chunks."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as file:
        while chunk := file.read(STREAM_CHUNK):
            yield chunk
