"""Entries as streams of bytes: neighbours share one ranged request, and every header is compared on the way.

The central directory says where each entry begins and ends; the local header, the data and the data descriptor have to
fill exactly that room and say the same (sections 4.3.7 to 4.3.9).
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence

from ao_workflows.bags.text import quoted
from ao_workflows.bags.zip.extra import ZIP64, ExtraMalformed, parse_extra, zip64_values
from ao_workflows.bags.zip.model import (
    DEFLATED,
    FLAG_DESCRIPTOR,
    FLAG_ENCRYPTED,
    FLAG_MASKED,
    FLAG_STRONG_ENCRYPTION,
    FLAG_UTF8,
    LOCAL_HEADER_SIZE,
    Entry,
    entry_rejected,
)
from ao_workflows.storage import Source

RANGE = 16 << 20
"""Bytes asked for in one request, so that a broken connection costs little and a slow start counts little."""

GAP = 32 << 10
"""Bytes that are rather read and left out than stepped over with a new request."""

MOST_IN_A_BATCH = 256
"""Entries that one thread takes at a time, so that the last thread is not left with many when the others are done."""

_INFLATED = 1 << 20
_LOCAL = struct.Struct("<4s5H3L2H")
_SIGNATURE = b"PK\x03\x04"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
_DESCRIPTOR, _DESCRIPTOR64 = struct.Struct("<LLL"), struct.Struct("<LQQ")
_FLAGS_THAT_MATTER = FLAG_ENCRYPTED | FLAG_DESCRIPTOR | FLAG_STRONG_ENCRYPTION | FLAG_UTF8 | FLAG_MASKED


def read_entries(source: Source, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    """Yield each entry with its unpacked bytes, in chunks of at most 1 MiB.

    The chunks of one entry are to be taken before the next is asked for; what is left is skipped. They raise
    :class:`~ao_workflows.bags.zip.model.EntryRejected` when the entry's headers, size or packed data are wrong;
    comparing the CRC with ``entry.crc`` is the caller's part, who hashes the bytes anyway.

    :param entries: by offset, not overlapping.
    """
    for run in _runs(entries):
        feed = _Feed(source, run[0].offset, run[-1].end)
        for entry in run:
            feed.skip_to(entry.offset)
            yield entry, _unpacked(feed, entry)
            feed.skip_to(entry.end)
        feed.finish()


def in_batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Group neighbours, each group about as large as one request; a larger entry is a group of its own.

    :param entries: by offset, not overlapping.
    """
    batch: list[Entry] = []
    for entry in entries:
        if batch and (
            entry.end - batch[0].offset > RANGE or entry.offset - batch[-1].end > GAP or len(batch) == MOST_IN_A_BATCH
        ):
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def _runs(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Group entries that follow one another without a gap that would be worth a request of its own."""
    run: list[Entry] = []
    for entry in entries:
        if run and entry.offset - run[-1].end > GAP:
            yield run
            run = []
        run.append(entry)
    if run:
        yield run


def _unpacked(feed: "_Feed", entry: Entry) -> Iterator[bytes]:
    data_start = _check_local_header(feed, entry)
    data_end = data_start + entry.packed
    room = entry.end - data_end
    if entry.flags & FLAG_DESCRIPTOR:
        if room not in {12, 16, 20, 24}:
            raise entry_rejected(
                "zip-unaccounted-bytes",
                entry.name,
                f"{quoted(entry.name)} is not followed by the record that its header promises.",
            )
    elif room:
        what = (
            f"{room} bytes after {quoted(entry.name)} belong to nothing."
            if room > 0
            else f"{quoted(entry.name)} runs into the next entry."
        )
        raise entry_rejected("zip-unaccounted-bytes" if room > 0 else "zip-entries-overlap", entry.name, what)
    packed = feed.chunks(entry.packed)
    yield from _inflated(packed, entry) if entry.method == DEFLATED else packed
    if room:
        _check_descriptor(feed.take(room), entry)


def _check_local_header(feed: "_Feed", entry: Entry) -> int:
    """Compare the local header with the central one and return where the data begins."""
    header = feed.take(LOCAL_HEADER_SIZE)
    if not header.startswith(_SIGNATURE):
        raise entry_rejected(
            "zip-headers-disagree", entry.name, f"there is no entry where the directory puts {quoted(entry.name)}."
        )
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
    start: int = entry.offset + LOCAL_HEADER_SIZE + name_length + extra_length
    if start > entry.end:
        raise entry_rejected(
            "zip-entries-overlap", entry.name, f"the header of {quoted(entry.name)} runs into the next entry."
        )
    raw_name = feed.take(name_length)
    extra_data = feed.take(extra_length)
    try:
        size, packed = zip64_values(parse_extra(extra_data).get(ZIP64), (size, packed), (0xFFFFFFFF, 0xFFFFFFFF))
    except ExtraMalformed as error:
        raise entry_rejected(
            "zip64-contradiction", entry.name, f"{quoted(entry.name)}: in its own header, {error}."
        ) from error
    said = {
        "name": (entry.name_in_headers, raw_name),
        "flags": (entry.flags & _FLAGS_THAT_MATTER, flags & _FLAGS_THAT_MATTER),
        "method": (entry.method, method),
        "CRC": (entry.crc, crc),
        "packed size": (entry.packed, packed),
        "size": (entry.size, size),
    }
    later = {"CRC", "packed size", "size"} if flags & FLAG_DESCRIPTOR else set()
    for what, (central, local) in said.items():
        # With a data descriptor, the maker did not know these yet and wrote zeros (section 4.4.4, bit 3).
        if central != local and not (what in later and local == 0):
            raise entry_rejected(
                "zip-headers-disagree",
                entry.name,
                f"the zip's directory and the header of {quoted(entry.name)} itself disagree about its {what}.",
                expected=central,
                found=local,
            )
    return start


def _check_descriptor(record: bytes, entry: Entry) -> None:
    """Check the record after the data; its signature is optional, and its sizes have four or eight bytes each."""
    body = record
    if len(record) in {16, 24}:
        if not record.startswith(_DESCRIPTOR_SIGNATURE):
            raise entry_rejected(
                "zip-unaccounted-bytes", entry.name, f"bytes after {quoted(entry.name)} belong to nothing."
            )
        body = record[4:]
    crc, packed, size = (_DESCRIPTOR if len(body) == _DESCRIPTOR.size else _DESCRIPTOR64).unpack(body)
    for what, central, found in (
        ("CRC", entry.crc, crc),
        ("packed size", entry.packed, packed),
        ("size", entry.size, size),
    ):
        if central != found:
            raise entry_rejected(
                "zip-headers-disagree",
                entry.name,
                f"the zip's directory and the record after {quoted(entry.name)} disagree about its {what}.",
                expected=central,
                found=found,
            )


def _inflated(packed: Iterator[bytes], entry: Entry) -> Iterator[bytes]:
    """Unpack deflated data, never more of it at a time than a chunk, and never more in all than was declared."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    for chunk in packed:
        rest = chunk
        while rest or inflater.unconsumed_tail:
            if inflater.eof:
                raise entry_rejected(
                    "zip-data-damaged", entry.name, f"the data of {quoted(entry.name)} ends too early."
                )
            try:
                out = inflater.decompress(rest, _INFLATED)
            except zlib.error as error:
                raise entry_rejected(
                    "zip-data-damaged", entry.name, f"the data of {quoted(entry.name)} cannot be unpacked: {error}."
                ) from error
            rest = inflater.unconsumed_tail
            total += len(out)
            if total > entry.size:
                break
            if out:
                yield out
            elif not rest:
                break
        if total > entry.size:
            break
    if total != entry.size or not inflater.eof or inflater.unused_data:
        raise entry_rejected(
            "zip-size-differs",
            entry.name,
            f"{quoted(entry.name)} does not unpack to the size that the zip declares.",
            expected=entry.size,
            found=total if total <= entry.size else f"more than {entry.size}",
        )


class _Feed:
    """The bytes from one offset to another, in requests of :data:`RANGE` bytes, each begun only when it is needed."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self._source = source
        self._next_request = start
        self._end = end
        self._chunks: Iterator[bytes] = iter(())
        self._chunk = b""
        self._taken = 0  # of the chunk
        self._position = start

    def chunks(self, length: int) -> Iterator[bytes]:
        """Yield exactly ``length`` bytes."""
        left = length
        while left:
            if self._taken == len(self._chunk):
                self._refill()
            piece = self._chunk[self._taken : self._taken + left]
            self._taken += len(piece)
            self._position += len(piece)
            left -= len(piece)
            yield piece

    def take(self, length: int) -> bytes:
        """Return exactly ``length`` bytes."""
        return b"".join(self.chunks(length))

    def skip_to(self, offset: int) -> None:
        """Leave out what lies before ``offset``; whole requests that have not begun are never made."""
        while self._position < offset:
            if self._taken == len(self._chunk):
                if offset >= self._next_request:
                    self.finish()
                    self._position = self._next_request = offset
                    return
                self._refill()
            step = min(len(self._chunk) - self._taken, offset - self._position)
            self._taken += step
            self._position += step

    def finish(self) -> None:
        """End the request that is open: the store then looks once more whether the object is still the same."""
        for _ in self._chunks:
            pass

    def _refill(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            length = min(RANGE, self._end - self._next_request)
            self._chunks = self._source.stream(self._next_request, length)
            self._next_request += length
            chunk = next(self._chunks)
        self._chunk = chunk
        self._taken = 0
