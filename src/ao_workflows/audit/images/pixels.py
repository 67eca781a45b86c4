"""Unpacking all pixels of an image, to see whether that can be done to the end."""

from contextlib import closing

from PIL import Image, JpegImagePlugin

from ao_workflows.audit.images.blank import is_blank
from ao_workflows.audit.images.codestream import expect_end, expect_enough
from ao_workflows.audit.images.memory import EIGHTH, MOST_UNPACKED, Room
from ao_workflows.audit.images.pages import bytes_of_largest, pages

_room = Room(MOST_UNPACKED)


class TooLarge(Exception):
    """Unpacking the image would take too much memory, and was not tried."""


def unpack_pixels(image: Image.Image) -> bool:
    """Unpack the image, and the other pages of its file; tell whether it, which is the first of them, is blank.

    The image is closed after that.

    What cannot be unpacked raises whatever its decoder raises.

    :raises TooLarge: if a page would take too much memory.
    """
    size = bytes_of_largest(image)
    if size > MOST_UNPACKED:
        raise TooLarge
    with _room.take(size), closing(image):  # what is unpacked is gone before another image has its room
        blank = False
        for page in pages(image):
            _load(image)
            if page == 1:
                blank = is_blank(image)
        return blank


def _load(image: Image.Image) -> None:
    """Unpack the page at which ``image`` is."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        expect_enough(image)
        image.decoderconfig = ()  # else the reduction of the picture before is kept, and this one does not fit
        image.draft(image.mode, (max(1, image.width // EIGHTH), max(1, image.height // EIGHTH)))
    elif image.format == "JPEG2000":
        expect_end(image)
    image.load()
