"""The memory that unpacking takes: how much for an image, and who may have it now."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from ao_workflows.audit.images.codestream import comes_in_scans, tile_of_jpeg2000

MOST_UNPACKED = 416 << 20
"""Bytes of memory that all images under way may take together: with the program itself, less than 512 MB."""

EIGHTH = 8
"""JPEG can be unpacked to an eighth of its size; every bit of the data is read for that all the same."""

_BITS_PER_SAMPLE, _COMPRESSION, _ORIENTATION, _SAMPLES_PER_PIXEL, _ROWS_PER_STRIP = 258, 259, 274, 277, 278
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_WORTH_GIVING_BACK = 32 << 20
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""The C library's way to give freed memory back to the system: each thread keeps its own for later otherwise."""

_ONE_BYTE = frozenset({"1", "L", "P"})
_COEFFICIENT = 2  # bytes of each sample, of a JPEG whose samples come in several scans
_JP2_SAMPLE = 5  # bytes of each sample of a tile: a whole number, and a byte that is handed over


class Room:
    """Memory that threads share: who asks for some waits until there is enough.

    :param most: bytes that there are at all.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._left = most
        self._changed = threading.Condition()

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """Have ``size`` bytes, which are not more than there are at all, for a while."""
        with self._changed:
            self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            if size >= _WORTH_GIVING_BACK and _trim is not None:
                _trim(0)
            with self._changed:
                self._left += size
                self._changed.notify_all()


ROOM = Room(MOST_UNPACKED)
"""What all that is unpacked in this process and those that it starts takes its memory from."""


def unpacked_bytes(image: Image.Image) -> int:
    """Return the bytes of memory that unpacking the page takes at which ``image`` is: its pixels, and the decoder's.

    :raises struct.error: if a header is cut off.
    """
    width, height = image.size
    pixels = width * height * _bytes_of_a_pixel(image.mode)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        small = pixels // EIGHTH**2
        return small + _bytes_of_coefficients(image) if comes_in_scans(image) else small
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # To be turned, the image is copied.
        return pixels * (1 if image.tag_v2.get(_ORIENTATION, 1) == 1 else 2) + _bytes_of_a_strip(image)
    if image.format == "JPEG2000":
        tile, samples = tile_of_jpeg2000(image)
        return pixels + tile * samples * _JP2_SAMPLE
    return pixels


def _bytes_of_a_pixel(mode: str) -> int:
    """Return what Pillow takes for one: all modes of several samples are padded to four."""
    return 1 if mode in _ONE_BYTE else 2 if mode.startswith("I;16") else 4


def _bytes_of_coefficients(image: JpegImagePlugin.JpegImageFile) -> int:
    """Return the bytes of all samples of a JPEG, some of which may be of fewer lines and columns than others."""
    across, down = [layer[1] for layer in image.layer], [layer[2] for layer in image.layer]
    share = sum(a * d for a, d in zip(across, down, strict=True)) / (max(across) * max(down))
    return int(image.width * image.height * share * _COEFFICIENT)


def _bytes_of_a_strip(image: TiffImagePlugin.TiffImageFile) -> int:
    """Return the bytes of a strip or tile as it is unpacked; one that is not packed is read bit by bit."""
    if image.tag_v2.get(_COMPRESSION, 1) == 1:
        return 0
    width, height = image.size
    bits = max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,))) * image.tag_v2.get(_SAMPLES_PER_PIXEL, 1)
    if _TILE_WIDTH in image.tag_v2:
        width, rows = image.tag_v2[_TILE_WIDTH], image.tag_v2.get(_TILE_LENGTH, height)
    else:
        rows = min(image.tag_v2.get(_ROWS_PER_STRIP, height), height)
    return int(width * rows * bits // 8)
