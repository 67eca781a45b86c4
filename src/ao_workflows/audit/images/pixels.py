"""Unpacking all pixels of an image, to see whether that can be done to the end."""

from collections.abc import Iterator
from contextlib import closing

from PIL import GifImagePlugin, Image, JpegImagePlugin, TiffImagePlugin

from ao_workflows.audit.images.blank import is_blank
from ao_workflows.audit.images.codestream import expect_end, expect_enough
from ao_workflows.audit.images.memory import EIGHTH, MOST_UNPACKED, Room, unpacked_bytes

_MOST_PAGES = 10_000
_MOST_PIXELS = 2 << 30
"""Pixels of all pages of a file together: some seconds of work, for a book of large pages and no more."""

_room = Room(MOST_UNPACKED)


class TooLarge(Exception):
    """Unpacking the image would take too much memory, and was not tried."""


def unpack_pixels(image: Image.Image) -> bool:
    """Unpack the image, and the other pages of its file; tell whether it, which is the first of them, is blank.

    The image is closed after that.

    What cannot be unpacked raises whatever its decoder raises.

    :raises TooLarge: if a page would take too much memory.
    """
    size = max(unpacked_bytes(image) for _ in _pages(image))
    if size > MOST_UNPACKED:
        raise TooLarge
    with _room.take(size), closing(image):  # what is unpacked is gone before another image has its room
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            expect_enough(image)
            image.draft(image.mode, (max(1, image.width // EIGHTH), max(1, image.height // EIGHTH)))
        elif image.format == "JPEG2000":
            expect_end(image)
        pages = _pages(image)
        next(pages)
        image.load()
        blank = is_blank(image)
        for _ in pages:
            image.load()
        return blank


def _pages(image: Image.Image) -> Iterator[None]:
    """Go to each page of the file in turn.

    :raises ValueError: if that would never come to an end, or nearly so.
    """
    many = isinstance(image, (TiffImagePlugin.TiffImageFile, GifImagePlugin.GifImageFile))
    if many:
        image.seek(0)
    pixels = 0
    for page in range(1, _MOST_PAGES + 1):
        pixels += image.width * image.height
        if page > 1 and pixels > _MOST_PIXELS:
            break
        yield
        if not many:
            return
        try:
            image.seek(page)
        except EOFError:
            return
    raise ValueError(f"it has too many pages, of which {page - 1:,} were looked at")
