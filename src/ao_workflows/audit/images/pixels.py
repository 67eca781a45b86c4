"""Unpacking all pixels of an image, to see whether that can be done to the end."""

from contextlib import closing

from PIL import Image, JpegImagePlugin

from ao_workflows.audit.images.blank import ink_of
from ao_workflows.audit.images.codestream import expect_end, expect_enough
from ao_workflows.audit.images.memory import EIGHTH, ROOM, Room
from ao_workflows.audit.images.pages import bytes_of_largest, pages


class TooLarge(Exception):
    """Unpacking the image would take too much memory, and was not tried."""


def unpack_pixels(image: Image.Image, room: Room = ROOM, *, with_ink: bool = False) -> float | None:
    """Unpack the image, and the other pages of its file; return the ink of the first, 0 to 1, if asked for.

    The image is closed after that.

    What cannot be unpacked raises whatever its decoder raises.

    :param room: where its memory is taken from.
    :raises TooLarge: if a page would take too much memory.
    """
    size = bytes_of_largest(image)
    if size > room.most:
        raise TooLarge
    with room.take(size), closing(image):  # what is unpacked is gone before another image has its room
        ink = None
        for page in pages(image):
            _load(image)
            if with_ink and page == 1:
                ink = ink_of(image)
        return ink


def _load(image: Image.Image) -> None:
    """Unpack the page at which ``image`` is."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        expect_enough(image)
        image.decoderconfig = ()  # else the reduction of the picture before is kept, and this one does not fit
        image.draft(image.mode, (max(1, image.width // EIGHTH), max(1, image.height // EIGHTH)))
    elif image.format == "JPEG2000":
        expect_end(image)
    image.load()
