"""The process that unpacks a PDF: the file is its standard input, and what it finds there is JSON on its output.

It says ``ready`` in a line, and then one of ``{"pages": 12}`` for a file without fault, ``{"damaged": why}``,
``{"too_large": why}``, ``{"too_long": why}``, ``{"locked": why}`` and ``{"errno": number}`` for an error of the disk.
"""

import ctypes
import errno
import io
import json
import os
import resource
import signal
import sys
import zlib
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, UnidentifiedImageError

from ao_workflows.audit.images.memory import Room
from ao_workflows.audit.images.pages import MOST_PAGES
from ao_workflows.audit.images.pdf import READY
from ao_workflows.audit.images.pixels import TooLarge, unpack_pixels

_SIDE = 500
"""The most pixels that a page is drawn wide or high."""

_IMAGES = {"DCTDecode": "JPEG", "DCT": "JPEG", "JPXDecode": "JPEG2000"}
_FLATE = frozenset({"FlateDecode", "Fl"})
_AT_ONCE = 16 << 10  # packed bytes: 16 MB of what they may hold
_TOO_MANY = 1 << 20  # bytes of an image beyond what its size takes
_MOST_PER_PIXEL = 8
"""Bytes of a pixel: four samples of sixteen bits; a line may have one more (ISO 32000-1, 7.4.4.4)."""
_PIXEL = 4  # bytes that PDFium takes for one
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Unreadable(io.FileIO):
    """A file that remembers the error of the disk: PDFium only learns that it gets no bytes."""

    number: int | None = None

    def readinto(self, buffer: Any, /) -> int | None:
        """See the base class."""
        try:
            return super().readinto(buffer)
        except OSError as error:
            self.number = error.errno or errno.EIO
            raise


def main(memory: int, seconds: int) -> None:
    """Unpack the PDF on standard input and say what was found.

    :param memory: bytes of memory that this process may take.
    :param seconds: processor time that it may take.
    """
    _limit(memory, seconds)
    sys.stdout.write(f"{READY.decode()}\n")
    sys.stdout.flush()
    raw = Unreadable(0, closefd=False)
    try:
        found = _unpack(io.BufferedReader(raw))
    except (TooLarge, MemoryError) as error:
        found = {"too_large": str(error) or f"takes more than {memory >> 20} MB of memory to be unpacked"}
    # Decoders raise whatever they like of content that is not what it seems.
    except Exception as error:  # noqa: BLE001 - see above
        found = {"damaged": str(error)[:200] or type(error).__name__}
    if raw.number is not None:
        found = {"errno": raw.number}
    sys.stdout.write(json.dumps(found))
    sys.stdout.flush()
    # Nothing is left to be done, and what a file has broken may break when it is put away.
    os._exit(0)


def _limit(memory: int, seconds: int) -> None:
    """Keep this process in bounds, and end it with the one that started it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
        size, resident = _taken()
        most = size - resident + memory
        _lower(resource.RLIMIT_AS, most, most)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # C++ is not interrupted by an exception of Python
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_CPU, seconds, seconds + 5)


def _lower(kind: int, soft: int, hard: int) -> None:
    """Set a limit of this process, unless it has a stricter one."""
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(kind, (soft, hard))


def _taken() -> tuple[int, int]:
    """Return the bytes of addresses that this process has, and of memory behind them (``man 5 proc``)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        size, resident, *_ = (int(pages) * resource.getpagesize() for pages in file.read().split())
    return size, resident


def _left() -> int:
    """Return the bytes of memory that this process may still take."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return max(0, most - _taken()[0]) if most != resource.RLIM_INFINITY else 1 << 28


def _unpack(file: io.BufferedReader) -> dict[str, Any]:
    """Unpack all pages of a PDF and return what was found."""
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}:
            return {"locked": "is protected by a password and cannot be unpacked without it"}
        return {"damaged": "it has no pages" if code == pdfium.FPDF_ERR_SUCCESS else "PDFium cannot read it"}
    if not pdfium.FPDF_DocumentHasValidCrossReferenceTable(document):
        return {"damaged": "its table of what is where is damaged"}
    if len(document) > MOST_PAGES:
        return {"too_long": f"has {len(document):,} pages, too many to be looked at"}
    for number in range(len(document)):
        where = f"on page {number + 1:,}"
        try:
            _unpack_page(document, number)
        except TooLarge as error:
            raise TooLarge(f"has {where} {error}") from error
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(f"{where}, {str(error) or type(error).__name__}") from error
    return {"pages": len(document)}


def _unpack_page(document: Any, number: int) -> None:
    try:
        page = document[number]
    except pypdfium2.PdfiumError as error:
        raise ValueError("there is nothing that can be read") from error
    try:
        for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]):
            _unpack_image(image)
        page.render(scale=min(1, _SIDE / max(*page.get_size(), 1)), may_draw_forms=False).close()
    finally:
        page.close()


def _unpack_image(image: Any) -> None:
    """Unpack an image to its last pixel.

    :raises ValueError: if that cannot be done, or whatever its decoder raises.
    :raises TooLarge: if it would take too much memory.
    """
    filters = image.get_filters()
    width, height = image.get_px_size()
    if filters and filters[0] in _FLATE:
        _expect_flate(memoryview(image.get_data()), _MOST_PER_PIXEL * width * height + height)
    if filters and filters[-1] in _IMAGES:
        _unpack_stream(bytes(image.get_data(decode_simple=True)), _IMAGES[filters[-1]])
        return
    if width * height // 8 > _left():
        raise TooLarge(f"an image of {width:,} by {height:,} pixels, too many to be unpacked")
    try:
        image.get_bitmap().close()
    except pypdfium2.PdfiumError as error:
        if width * height * _PIXEL > _left():
            raise TooLarge(f"an image of {width:,} by {height:,} pixels, too many to be unpacked") from error
        raise ValueError("an image cannot be unpacked") from error


def _unpack_stream(content: bytes, format_: str) -> None:
    """Unpack what would be a file of its own outside of a PDF, as such a file is unpacked."""
    try:
        image = Image.open(io.BytesIO(content), formats=[format_])
    except UnidentifiedImageError as error:
        raise ValueError(f"an image has not the content of a {format_}") from error
    width, height = image.size
    try:
        unpack_pixels(image, Room(_left()))
    except TooLarge as error:
        raise TooLarge(f"an image of {width:,} by {height:,} pixels, too many to be unpacked") from error
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"an image is cut off or damaged: {error}") from error


def _expect_flate(packed: memoryview, most: int) -> None:
    """Make sure that packed data have an end, and the checksum that stands there: PDFium takes what it can get.

    :param most: the bytes that an image of its size has at most.
    :raises ValueError: if they have not, or hold much more.
    """
    unpacker = zlib.decompressobj()
    size = 0
    for start in range(0, len(packed), _AT_ONCE):
        try:
            size += len(unpacker.decompress(packed[start : start + _AT_ONCE]))
        except zlib.error as error:
            raise ValueError("an image is damaged") from error
        if size > most + _TOO_MANY:
            raise ValueError("an image holds much more than its size takes")
        if unpacker.eof:
            return
    raise ValueError("an image is cut off")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
