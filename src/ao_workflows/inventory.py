"""An inventory: the files of a work with what proves them, passed from one room to the next.

On disk it is one JSON object a line, in path order, so that it can be read, compared and kept without a library.
"""

import json
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ao_workflows.errors import SystemFailed
from ao_workflows.whole_file import whole_file

_SHA512_SIZE = 64


class FileRecord(NamedTuple):  # of millions, each made in a quarter of the time of a dataclass
    """One file of a work.

    :param path: relative to the work's folder, ``/`` between its parts.
    :param size: bytes.
    :param sha512: lowercase hexadecimal digest of the content.
    :param modified_ns: modification time, nanoseconds since the epoch (UTC).
    """

    path: str
    size: int
    sha512: str
    modified_ns: int


class Inventory:
    """The records of a work with many files, in a quarter of the memory; iterated by path.

    Several threads may add to it. Two inventories of the same records are equal.

    :param where: returns the path that a record has, for the name under which it is added.
    """

    def __init__(self, where: Callable[[str], str] = str) -> None:
        self._where = where
        self._adding = threading.Lock()
        self._names: list[str] = []
        self._sizes = array("q")
        self._times = array("q")
        self._checksums = bytearray()

    def add(self, name: str, size: int, sha512: bytes, modified_ns: int) -> None:
        """Add a file; ``sha512`` is the checksum itself, in 64 bytes."""
        with self._adding:
            self._names.append(name)
            self._sizes.append(size)
            self._times.append(modified_ns)
            self._checksums += sha512

    def __len__(self) -> int:
        with self._adding:
            return len(self._names)

    def __iter__(self) -> Iterator[FileRecord]:
        paths = self.paths
        for index in sorted(range(len(self)), key=paths.__getitem__):
            yield self._record(index)

    def added(self, start: int, end: int) -> Iterator[FileRecord]:
        """Yield those that were added as number ``start`` up to, and without, ``end``; the first is number 0."""
        return (self._record(index) for index in range(start, end))

    def _record(self, index: int) -> FileRecord:
        checksum = self._checksums[index * _SHA512_SIZE : (index + 1) * _SHA512_SIZE]
        return FileRecord(self._where(self._names[index]), self._sizes[index], checksum.hex(), self._times[index])

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Inventory) and list(self) == list(other)

    @property
    def paths(self) -> list[str]:
        """The paths alone, in the order in which they were added."""
        return [self._where(name) for name in self._names]

    @property
    def bytes(self) -> int:
        """How many bytes the files have together."""
        return sum(self._sizes)


def write_inventory(target: Path, records: Iterable[FileRecord], *, give: Callable[[int], None] | None = None) -> None:
    """Write ``records`` to ``target``, sorted by path; complete and synced before it gets its name.

    :param give: gives the open file, by its descriptor, its group and mode.
    :raises MustWait: if the disk is full. :raises SystemFailed: if it cannot be written.
    """
    with whole_file(target, what="the inventory", give=give) as file:
        for record in sorted(records):
            # surrogateescape'd names (bytes that are no UTF-8) survive as \udcXX escapes. The texts one by one, because
            # a whole record takes twice the time.
            path, sha512 = json.dumps(record.path), json.dumps(record.sha512)
            file.write(
                f'{{"path": {path}, "size": {record.size}, "sha512": {sha512}, "modified_ns": {record.modified_ns}}}\n'
            )


def read_inventory(source: Path) -> list[FileRecord]:
    """Return the records of the inventory file ``source``, in path order.

    :raises SystemFailed: if it cannot be read, or is not what :func:`write_inventory` wrote (``inventory-damaged``).
    """
    try:
        return _records(source.read_text("ascii").splitlines())
    except OSError as error:
        raise SystemFailed(
            f"Cannot read the inventory {source}: {error.strerror}.", action="Check that it is there, and the disk."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SystemFailed(
            f"The inventory {source} is damaged: {error}.",
            action="Check the disk, and let the work be unpacked again: that makes a new one.",
            code="inventory-damaged",
        ) from error


def _records(lines: Sequence[str]) -> list[FileRecord]:
    # One document of all lines is read in half the time; what is no line of it shows in the number of them.
    documents = json.loads(f"[{','.join(lines)}]")
    if len(documents) != len(lines):
        raise ValueError("a line holds more, or less, than one record")
    return list(map(_record, documents))


def _record(document: Any) -> FileRecord:
    # Not with a match: of a hundred thousand, each takes a third of the time so.
    try:
        record = FileRecord(document["path"], document["size"], document["sha512"], document["modified_ns"])
    except (TypeError, KeyError):
        record = None
    if record is None or not (
        type(record.path) is type(record.sha512) is str and type(record.size) is type(record.modified_ns) is int
    ):
        raise ValueError(f"no record of a file in {str(document)[:80]!r}")
    return record
