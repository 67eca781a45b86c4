"""Unpacking all pixels of an image, to see whether that can be done to the end."""

import threading

from PIL import Image, TiffImagePlugin

from ao_workflows.audit.images.blank import is_blank

_EIGHTH = 8
"""JPEG can be unpacked to an eighth of its size; every bit of the data is read for that all the same."""

_LARGE = 64 << 20
"""Bytes of pixels from which on images are unpacked one after the other, so that memory has a bound."""

_MOST_PAGES = 64
_LIBRARY_NEEDS = {"JPEG2000": 4}
"""How many times the memory of its pixels a decoder takes, where that is more than once."""

_one_at_a_time = threading.Lock()


def unpacked_bytes(image: Image.Image) -> int:
    """Return the bytes of memory that unpacking takes, about."""
    width, height = image.size
    if image.format in {"JPEG", "MPO"}:
        width, height = -(-width // _EIGHTH), -(-height // _EIGHTH)
    sample = 4 if image.mode in {"I", "F"} else 2 if image.mode.startswith("I;16") else 1
    return width * height * len(image.getbands()) * sample * _LIBRARY_NEEDS.get(image.format or "", 1)


def unpack_pixels(image: Image.Image) -> bool:
    """Unpack the image, and the other pages of its file; tell whether it, which is the first of them, is blank.

    What cannot be unpacked raises whatever its decoder raises.
    """
    if unpacked_bytes(image) < _LARGE:
        return _unpack(image)
    with _one_at_a_time:
        return _unpack(image)


def _unpack(image: Image.Image) -> bool:
    if image.format in {"JPEG", "MPO"}:
        image.draft(image.mode, (max(1, image.width // _EIGHTH), max(1, image.height // _EIGHTH)))
    image.load()
    blank = is_blank(image)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        for page in range(1, min(image.n_frames, _MOST_PAGES)):
            image.seek(page)
            image.load()
    return blank
