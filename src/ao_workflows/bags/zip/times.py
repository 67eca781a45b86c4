"""File times in zip headers: DOS, extended timestamp, NTFS; read and written.

A DOS time has no zone; it is taken as UTC, so that the same zip gives the same times on every server.
"""

import struct
from datetime import UTC, datetime, timedelta

from ao_workflows.bags.zip.extra import EXTENDED_TIME, NTFS

SECOND = 1_000_000_000
_NTFS_EPOCH = 11_644_473_600  # seconds from 1601-01-01 to 1970-01-01
_EXTENDED = struct.Struct("<Bl")  # which times follow; the first is the modification time
_TICKS = struct.Struct("<Q")  # 100 ns each
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOS_FIRST, _DOS_LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)


def modified_ns(dos_date: int, dos_time: int, extra: dict[int, bytes]) -> int:
    """Return the modification time of an entry, nanoseconds since the epoch, from its most exact field."""
    exact = _ntfs_ns(extra.get(NTFS))
    extended = _extended_seconds(extra.get(EXTENDED_TIME))
    if extended is not None:
        # The NTFS field only adds the fraction: where the two differ, the extended timestamp is the maker's own.
        return exact if exact is not None and exact // SECOND == extended else extended * SECOND
    return exact if exact is not None else _dos_ns(dos_date, dos_time)


def dos_fields(time_ns: int) -> tuple[int, int, int, int, int, int]:
    """Return a time as year, month, day, hour, minute, second, within what DOS can say (1980 to 2107, UTC)."""
    seconds = min(max(time_ns // SECOND, int(_DOS_FIRST.timestamp())), int(_DOS_LAST.timestamp()))
    moment = _EPOCH + timedelta(seconds=seconds)
    return (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)


def time_extra(time_ns: int) -> bytes:
    """Return the extra field that keeps ``time_ns`` to 100 ns.

    The extended timestamp keeps whole seconds up to 2038; an NTFS block is added for a fraction or a later time.
    """
    seconds, fraction = divmod(time_ns, SECOND)
    extra = b""
    fits = -(1 << 31) <= seconds < 1 << 31
    if fits:
        extra += struct.pack("<HHBl", EXTENDED_TIME, 5, 1, seconds)
    ticks = (seconds + _NTFS_EPOCH) * 10_000_000 + fraction // 100
    if (fraction or not fits) and 0 < ticks < 1 << 64:
        extra += struct.pack("<HHLHHQQQ", NTFS, 32, 0, 1, 24, ticks, ticks, ticks)
    return extra


def _dos_ns(date: int, time: int) -> int:
    try:
        moment = datetime(
            1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2, tzinfo=UTC
        )
    except ValueError:  # zero or nonsense: makers without a clock write it
        moment = _DOS_FIRST
    return int(moment.timestamp()) * SECOND


def _extended_seconds(block: bytes | None) -> int | None:
    if block is None or len(block) < _EXTENDED.size or not block[0] & 1:
        return None
    return int(_EXTENDED.unpack_from(block)[1])


def _ntfs_ns(block: bytes | None) -> int | None:
    """Return the time of an NTFS block, whose attributes follow four reserved bytes; attribute 1 holds the times."""
    position = 4
    while block is not None and position + 4 <= len(block):
        tag, length = struct.unpack_from("<HH", block, position)
        position += 4
        if tag == 1 and length >= _TICKS.size and position + _TICKS.size <= len(block):
            (ticks,) = _TICKS.unpack_from(block, position)
            # Beyond what a file system keeps (64-bit nanoseconds), a time is noise.
            time_ns = int(ticks) * 100 - _NTFS_EPOCH * SECOND
            return time_ns if ticks and abs(time_ns) < 1 << 63 else None
        position += length
    return None
