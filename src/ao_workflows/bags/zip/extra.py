"""Extra fields of zip headers (section 4.5): zip64 sizes, times, and Unicode names."""

import struct
import zlib

ZIP64 = 0x0001
NTFS = 0x000A
EXTENDED_TIME = 0x5455
UNICODE_PATH = 0x7075

_SHORT = 0xFFFF  # the maximum of the only field (the disk) whose zip64 value has four bytes, not eight
_BLOCK = struct.Struct("<HH")


class ExtraMalformed(ValueError):
    """An extra field whose blocks do not fit into it."""


def parse_extra(data: bytes) -> dict[int, bytes]:
    """Return the blocks of an extra field by their header id.

    Up to three bytes that cannot be a block may follow the last one: alignment tools leave them.

    :raises ExtraMalformed: if a block is longer than the field, or a zip64 block is there twice.
    """
    blocks: dict[int, bytes] = {}
    position = 0
    while len(data) - position >= _BLOCK.size:
        header, length = _BLOCK.unpack_from(data, position)
        position += _BLOCK.size
        if position + length > len(data):
            raise ExtraMalformed(f"block {header:#06x} of {length} bytes does not fit")
        if header == ZIP64 and header in blocks:
            raise ExtraMalformed("two zip64 blocks")
        blocks.setdefault(header, data[position : position + length])
        position += length
    return blocks


def zip64_values(block: bytes | None, fields: tuple[int, ...], full: tuple[int, ...]) -> list[int]:
    """Return ``fields`` with every one that is at its maximum replaced by its zip64 value (section 4.5.3).

    :param fields: the header's own values, in the order of the zip64 block.
    :param full: the maximum of each: the value that says "see zip64".
    :raises ExtraMalformed: if the block is missing, too short, or says something else than the header does.
    """
    wanted = [value == maximum for value, maximum in zip(fields, full, strict=True)]
    sizes = [4 if maximum == _SHORT else 8 for maximum in full]
    if block is None:
        if any(wanted):
            raise ExtraMalformed("a size or offset refers to a zip64 block that is not there")
        return list(fields)
    expected = sum(size for size, is_wanted in zip(sizes, wanted, strict=True) if is_wanted)
    # Some makers write the block's first fields although the header has room for them: right when both say the same.
    written = wanted if len(block) == expected else [sum(sizes[: i + 1]) <= len(block) for i in range(len(sizes))]
    if len(block) != sum(size for size, is_written in zip(sizes, written, strict=True) if is_written):
        raise ExtraMalformed(f"the zip64 block has {len(block)} bytes where {expected} are called for")
    values: list[int] = []
    position = 0
    for value, size, is_wanted, is_written in zip(fields, sizes, wanted, written, strict=True):
        if not is_written:
            if is_wanted:
                raise ExtraMalformed("the zip64 block lacks a value that the header leaves to it")
            values.append(value)
            continue
        found = int.from_bytes(block[position : position + size], "little")
        position += size
        if not is_wanted and found != value:
            raise ExtraMalformed(f"the header says {value}, its zip64 block {found}")
        values.append(found)
    return values


def decode_name(raw: bytes, *, is_utf8: bool, unicode_path: bytes | None) -> str:
    """Return a header's name as text (section 4.4.17 and appendix D).

    UTF-8 when the header says so; else the Unicode Path block if it belongs to this very name; else code page 437.
    Names that are valid UTF-8 without saying so are taken as UTF-8: several makers (among them the one of macOS) forget
    the flag, and text in code page 437 is practically never valid UTF-8.

    :raises ValueError: if the name says that it is UTF-8 and is not.
    """
    if is_utf8:
        return raw.decode("utf-8")
    head = struct.pack("<BL", 1, zlib.crc32(raw))  # its version, and the CRC-32 of the name that it belongs to
    if unicode_path is not None and unicode_path.startswith(head):
        return unicode_path[len(head) :].decode("utf-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")
