"""The end records of a zip (sections 4.3.14 to 4.3.16): where the central directory is, and that nothing follows."""

import struct
from dataclasses import dataclass

from ao_workflows.bags.zip.model import ZipRejected
from ao_workflows.errors import Finding
from ao_workflows.storage import Source

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
END_SIGNATURE = b"PK\x05\x06"
LOCATOR_SIGNATURE = b"PK\x06\x07"
END64_SIGNATURE = b"PK\x06\x06"
_LONGEST_TAIL = _END.size + 0xFFFF + _LOCATOR.size
_BEGINNINGS = frozenset({b"PK\x03\x04", b"PK\x01\x02"})
_NEXT_STEP = "Have the zip made again and delivered again."


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the central directory lies, and how many entries it has."""

    entries: int
    directory_size: int
    directory_start: int


def rejected(source: Source, code: str, message: str) -> ZipRejected:
    """Return the error for a zip that cannot be read as a whole."""
    finding = Finding(code=code, path="", message=message)
    return ZipRejected(f"{source.name}: {message}", action=_NEXT_STEP, code=code, findings=[finding])


def read_ends(source: Source) -> Ends:
    """Return what the end records say, or refuse a zip in which any two readers could disagree about it.

    :raises ZipRejected: if there is no end record at the very end, or several, or they contradict each other.
    """
    tail_start = max(0, source.size - _LONGEST_TAIL)
    tail = source.read(tail_start, source.size - tail_start)
    at = _find_end(source, tail)
    position = tail_start + at
    _, disk, directory_disk, here, entries, size, start, _ = _END.unpack_from(tail, at)
    end_of_directory = position
    if at >= _LOCATOR.size and tail[at - _LOCATOR.size :].startswith(LOCATOR_SIGNATURE):
        end64 = _read_end64(source, position - _LOCATOR.size, tail[at - _LOCATOR.size : at])
        for short, full, maximum in zip(
            (disk, directory_disk, here, entries, size, start),
            end64.fields,
            (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
            strict=True,
        ):
            if short not in {full, maximum}:
                raise rejected(source, "zip64-contradiction", f"its end records disagree: {short} and {full}.")
        disk, directory_disk, here, entries, size, start = end64.fields
        end_of_directory = end64.position
    if disk or directory_disk or here != entries:
        raise rejected(source, "zip-several-disks", "it is one part of a zip that was split into several.")
    if start + size > end_of_directory:
        raise rejected(
            source,
            "zip-truncated",
            f"its directory would end at byte {start + size}, but that part ends at {end_of_directory}.",
        )
    if start + size < end_of_directory:
        raise rejected(
            source,
            "zip-unaccounted-bytes",
            f"{end_of_directory - start - size} bytes before or after its directory belong to nothing.",
        )
    return Ends(entries, size, start)


def _find_end(source: Source, tail: bytes) -> int:
    fitting = []
    at = tail.find(END_SIGNATURE)
    last = -1
    while at >= 0:
        last = at
        if at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[-1] == len(tail):
            fitting.append(at)
        at = tail.find(END_SIGNATURE, at + 1)
    if last < 0:
        if source.read(0, min(4, source.size)) in _BEGINNINGS:
            raise rejected(source, "zip-truncated", "it begins as a zip but its end is missing.")
        raise rejected(source, "not-a-zip", "it is not a zip file.")
    if not fitting:
        (*_, comment) = _END.unpack_from(tail.ljust(last + _END.size, b"\0"), last)
        if last + _END.size + comment > len(tail):
            raise rejected(source, "zip-truncated", "its last record is cut off.")
        raise rejected(source, "zip-unaccounted-bytes", "bytes that belong to nothing follow its end.")
    if len(fitting) > 1 or fitting[0] != last:
        raise rejected(
            source, "zip-several-ends", "it has several end records, so that readers differ about what is in it."
        )
    return last


@dataclass(frozen=True, slots=True)
class _End64:
    position: int
    fields: tuple[int, ...]


def _read_end64(source: Source, locator_position: int, locator: bytes) -> _End64:
    _, disk, position, disks = _LOCATOR.unpack(locator)
    # Makers write 0 or 1 as the number of disks of an unsplit zip.
    if disk or disks > 1:
        raise rejected(source, "zip-several-disks", "it is one part of a zip that was split into several.")
    if position + _END64.size > locator_position:
        raise rejected(source, "zip64-contradiction", "its zip64 end record does not lie where the locator says.")
    signature, size, _, _, *fields = _END64.unpack(source.read(position, _END64.size))
    if signature != END64_SIGNATURE or position + 12 + size != locator_position:
        raise rejected(source, "zip64-contradiction", "its zip64 end record does not lie where the locator says.")
    return _End64(position, tuple(fields))
