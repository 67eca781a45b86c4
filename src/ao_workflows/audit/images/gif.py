"""What a GIF says of its frames, without unpacking any: the decoder takes their memory as soon as it goes to one."""

import struct
from typing import IO

_SCREEN = struct.Struct("<6x2HB2x")
_FRAME = struct.Struct("<4HB")
_EXTENSION, _IMAGE, _TRAILER = b"!", b",", b";"
_COMMENT, _APPLICATION = b"\xfe", b"\xff"


def frames_of_gif(file: IO[bytes], most: int) -> tuple[int, int, int]:
    """Return width and height of what all frames lie on, and how many there are, ``most`` and one more at most.

    A file that ends too early is looked at as far as it goes (GIF89a, sections 18 to 27). What does not belong where
    it stands is passed over in the way of Pillow, which must not come upon a frame that was not counted here.
    """
    file.seek(0)
    head = file.read(_SCREEN.size)
    if len(head) < _SCREEN.size:
        return 0, 0, 0
    width, height, flags = _SCREEN.unpack(head)
    _skip_colours(file, flags)
    frames = 0
    while frames <= most and (kind := file.read(1)) not in {b"", _TRAILER}:
        if kind == _EXTENSION:
            _skip_extension(file, is_first=frames == 0)
        elif kind == _IMAGE:
            place = file.read(_FRAME.size)
            if len(place) < _FRAME.size:
                break
            left, top, wide, high, flags = _FRAME.unpack(place)
            width, height, frames = max(width, left + wide), max(height, top + high), frames + 1
            _skip_colours(file, flags)
            file.read(1)  # the size of its codes
            _skip_blocks(file)
    return width, height, frames


def _skip_colours(file: IO[bytes], flags: int) -> None:
    if flags & 0x80:
        file.read(3 << ((flags & 7) + 1))


def _skip_extension(file: IO[bytes], *, is_first: bool) -> None:
    label, block = file.read(1), _block(file)
    if label == _APPLICATION and is_first and block.startswith(b"NETSCAPE2.0"):
        block = _block(file)  # how often all is shown again
    if block or label != _COMMENT:
        _skip_blocks(file)


def _block(file: IO[bytes]) -> bytes:
    """Return a block of data; the one that ends a row of them is empty."""
    return file.read(int.from_bytes(file.read(1)))


def _skip_blocks(file: IO[bytes]) -> None:
    while _block(file):
        pass
