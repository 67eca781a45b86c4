"""What lies in a file of JPEG or JPEG 2000 beside its samples: read here where decoders keep silent about it."""

import os
import struct
from typing import IO

from PIL import Image, JpegImagePlugin

_START_OF_SCAN = 0xDA
_FILL = 0xFF
_STANDALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_BOX_HEAD, _LONG_BOX_HEAD = 8, 16
_START, _END = b"\xff\x4f\xff\x51", b"\xff\xd9"
_BLOCK = 8  # lines and columns of samples that are packed together


def comes_in_scans(image: JpegImagePlugin.JpegImageFile) -> bool:
    """Tell whether the samples are complete only after the last of several scans (ITU T.81, sections 4.5 and B.2.3).

    :raises struct.error: if the file ends before the first of them.
    """
    if "progressive" in image.info:
        return True
    file = file_of(image)
    file.seek(image.tile[0].offset + 2)  # one of several pictures begins where the one before ends
    while True:
        while file.read(1) not in {b"\xff", b""}:
            pass
        marker, length = _marker(file)
        if marker == _START_OF_SCAN:
            (samples,) = struct.unpack(">B", file.read(1))
            return bool(samples < image.layers)
        file.seek(length - 2, os.SEEK_CUR)


def expect_enough(image: JpegImagePlugin.JpegImageFile) -> None:
    """Make sure that a JPEG has the least bytes that its size takes; decoders make up what is missing.

    Each block takes a bit for its mean, at least (ITU T.81, section F.1.2); another form of packing, which nobody
    uses, takes less.

    :raises ValueError: if it has fewer.
    """
    blocks = -(-image.width // _BLOCK) * -(-image.height // _BLOCK)
    if _size_of(file_of(image)) * 8 < blocks:
        raise ValueError("it has fewer bytes than an image of its size takes")


def tile_of_jpeg2000(image: Image.Image) -> tuple[int, int]:
    """Return the pixels of one tile, and the samples of each, as the codestream says.

    The boxes around it may say anything else.
    """
    file = file_of(image)
    _to_codestream(file)
    # The marker SIZ (ITU T.800, section A.5.1): the area, its origin, the tile's size and origin, and the samples.
    right, bottom, left, top, wide, high, _, _, samples = struct.unpack(">8x8LH", file.read(42))
    return min(right - left, wide) * min(bottom - top, high), samples


def expect_end(image: Image.Image) -> None:
    """Make sure that a JPEG 2000 has the marker of its end; decoders do without (ITU T.800, section A.4.4).

    :raises ValueError: if it has not.
    """
    file = file_of(image)
    end = _to_codestream(file)
    file.seek(max(0, end - 64))
    if not file.read(min(end, 64)).rstrip(b"\0").endswith(_END):
        raise ValueError("its end is missing")


def file_of(image: Image.Image) -> IO[bytes]:
    """Return the open file of an image."""
    file: IO[bytes] | None = getattr(image, "fp", None)
    if file is None:
        raise ValueError("the file is closed")
    return file


def _size_of(file: IO[bytes]) -> int:
    """Return the bytes of a file, which may be one in memory; who reads on goes to a place first."""
    return file.seek(0, os.SEEK_END)


def _marker(file: IO[bytes]) -> tuple[int, int]:
    """Return the number of a marker and the length of its segment, which is 2 if there is none."""
    number = _FILL
    while number == _FILL:
        (number,) = struct.unpack(">B", file.read(1))
    if number in _STANDALONE:
        return number, 2
    (length,) = struct.unpack(">H", file.read(2))
    return number, max(2, length)


def _to_codestream(file: IO[bytes]) -> int:
    """Go to the codestream and return where it ends: from box to box, unless the file is nothing else.

    :raises ValueError: if there is none.
    """
    end = _size_of(file)
    place = 0
    file.seek(0)
    if file.read(len(_START)) == _START:
        file.seek(0)
        return end
    while True:
        file.seek(place)
        length, kind = struct.unpack(">L4s", file.read(_BOX_HEAD))
        head = _BOX_HEAD
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            head = _LONG_BOX_HEAD
        if kind == b"jp2c":
            return end if length == 0 else int(place + length)
        if length < head:
            raise ValueError("there is no codestream")
        place += length
