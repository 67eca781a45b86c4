"""The pages of a file: what memory they take, told before any is unpacked, and one after the other."""

from collections.abc import Iterator

from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin

from ao_workflows.audit.images.codestream import file_of
from ao_workflows.audit.images.gif import frames_of_gif
from ao_workflows.audit.images.memory import unpacked_bytes

MOST_PAGES = 10_000
"""Pages of a file that are looked at; more are a claim, or a trap."""

_MOST_PIXELS = 2 << 30
"""Pixels of all pages of a file together: some seconds of work, for a book of large pages and no more."""

_MOVING = 20
"""Bytes for each pixel of a moving picture: Pillow lays frames on what was there, and keeps up to five images."""


def bytes_of_largest(image: Image.Image) -> int:
    """Return the bytes of memory that unpacking takes, page by page.

    :raises ValueError: if that would never come to an end, or nearly so.
    """
    if isinstance(image, (GifImagePlugin.GifImageFile, PngImagePlugin.PngImageFile)):
        # To go to a frame, Pillow unpacks the one before.
        width, height, frames = _frames(image)
        _expect_few(frames, frames * width * height)
        return width * height * _MOVING if frames > 1 else unpacked_bytes(image)
    largest = pixels = 0
    for page in pages(image):
        pixels += image.width * image.height
        _expect_few(page, pixels)
        largest = max(largest, unpacked_bytes(image))
    return largest


def pages(image: Image.Image) -> Iterator[int]:
    """Go to each page of the file in turn, and yield its number, the first of which is 1.

    :raises ValueError: if there are fewer than the file says, where it does.
    """
    # A TIFF and a GIF do not say; to ask them is to go through all.
    says = isinstance(image, (JpegImagePlugin.JpegImageFile, PngImagePlugin.PngImageFile))
    expected = getattr(image, "n_frames", 1) if says else 1
    page = 0
    while True:
        try:
            image.seek(page)
        except EOFError as error:
            if page < expected:
                raise ValueError(f"it has {page} of {expected} pictures") from error
            return
        page += 1
        yield page


def _frames(image: GifImagePlugin.GifImageFile | PngImagePlugin.PngImageFile) -> tuple[int, int, int]:
    """Return the width, the height and the number of frames."""
    if isinstance(image, GifImagePlugin.GifImageFile):
        return frames_of_gif(file_of(image), MOST_PAGES)
    return image.width, image.height, image.n_frames


def _expect_few(pages: int, pixels: int) -> None:
    if pages > MOST_PAGES or (pages > 1 and pixels > _MOST_PIXELS):
        raise ValueError(f"it has too many pages, {pages:,} or more, to look at all of them")
