"""The central directory (section 4.3.12), read in one go and parsed as it arrives."""

import struct
from collections.abc import Iterator

from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip.ends import read_ends, rejected
from ao_workflows.bags.zip.extra import UNICODE_PATH, ZIP64, ExtraMalformed, decode_name, parse_extra, zip64_values
from ao_workflows.bags.zip.model import FLAG_UTF8, Directory, Entry, ZipLimits
from ao_workflows.bags.zip.times import modified_ns
from ao_workflows.errors import Finding
from ao_workflows.storage import Source

_HEADER = struct.Struct("<4s6H3L5H2L")
_SIGNATURE = b"PK\x01\x02"


def read_directory(source: Source, *, limits: ZipLimits) -> Directory:
    """Read the central directory of ``source``.

    What is wrong with single entries is in the result's findings; only what makes the rest unreadable is raised.

    :raises ZipRejected: if it is no zip, is cut off, or its end records or directory contradict themselves.
    """
    ends = read_ends(source)
    if ends.entries > limits.entries:
        raise rejected(
            source, "zip-too-many-entries", f"it has {ends.entries:,} entries, and {limits.entries:,} are allowed."
        )
    # 46 bytes is the shortest header there is: a count beyond that is a lie that would only cost time.
    if ends.entries * _HEADER.size > ends.directory_size:
        raise rejected(source, "zip-directory-damaged", "its directory is too short for the entries it announces.")
    findings = FindingLog()
    entries: list[Entry] = []
    feed = _Feed(source.stream(ends.directory_start, ends.directory_size))
    for number in range(1, ends.entries + 1):
        header = feed.take(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_SIGNATURE):
            raise rejected(source, "zip-directory-damaged", f"entry {number} of its directory is damaged.")
        entry = _parse(header, feed, findings)
        if entry is not None:
            entries.append(entry)
    if feed.take(1):
        raise rejected(source, "zip-directory-damaged", "its directory is longer than the entries it announces.")
    entries.sort(key=lambda entry: entry.offset)
    end = ends.directory_start
    for index in reversed(range(len(entries))):
        entries[index] = entries[index]._replace(end=end)
        end = entries[index].offset
    return Directory(tuple(entries), ends.directory_start, source.size, findings.as_tuple())


def _parse(header: bytes, feed: "_Feed", findings: FindingLog) -> Entry | None:
    (
        *_,
        flags,
        method,
        time,
        date,
        crc,
        packed,
        size,
        name_length,
        extra_length,
        comment_length,
        disk,
        _internal,
        external,
        offset,
    ) = _HEADER.unpack(header)
    raw_name, extra_data, comment = feed.take(name_length), feed.take(extra_length), feed.take(comment_length)
    where = shown(raw_name.decode("utf-8", "backslashreplace"))
    if len(comment) < comment_length or len(extra_data) < extra_length or len(raw_name) < name_length:
        findings.add(Finding(code="zip-directory-damaged", path=where, message="its directory entry is cut off."))
        return None
    try:
        extra = parse_extra(extra_data)
        size, packed, offset, disk = zip64_values(
            extra.get(ZIP64), (size, packed, offset, disk), (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFF)
        )
    except ExtraMalformed as error:
        code = "zip64-contradiction" if "zip64" in str(error) else "zip-extra-damaged"
        findings.add(Finding(code=code, path=where, message=f"{quoted(where)}: {error}."))
        return None
    if disk:
        findings.add(Finding(code="zip-several-disks", path=where, message=f"{quoted(where)} is on another disk."))
    try:
        name = decode_name(raw_name, is_utf8=bool(flags & FLAG_UTF8), unicode_path=extra.get(UNICODE_PATH))
    except UnicodeDecodeError:
        message = f"{quoted(where)} says that its name is UTF-8, and it is not."
        findings.add(Finding(code="name-not-utf8", path=where, message=message))
        return None
    return Entry(
        name=name,
        raw_name=None if name.encode() == raw_name else raw_name,
        flags=flags,
        method=method,
        crc=crc,
        packed=size if packed == size else packed,  # one number in memory, not two: there are many
        size=size,
        offset=offset,
        end=offset,
        mode=external >> 16,
        modified_ns=modified_ns(date, time, extra),
    )


class _Feed:
    """Bytes in the pieces that a parser asks for, from chunks as they arrive."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._position = 0

    def take(self, length: int) -> bytes:
        """Return ``length`` bytes, or fewer at the end."""
        while len(self._chunk) - self._position < length:
            more = next(self._chunks, None)
            if more is None:
                break
            self._chunk = self._chunk[self._position :] + more
            self._position = 0
        piece = self._chunk[self._position : self._position + length]
        self._position += len(piece)
        return piece
