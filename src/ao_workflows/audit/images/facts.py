"""What is known of one image file after it was looked at once: plain values, for every test that asks."""

from dataclasses import dataclass

JPEG = "JPEG"
TIFF = "TIFF"
PDF = "PDF"
GROUP_4 = 4
"""TIFF's number for the compression CCITT T.6, called Group 4 (TIFF 6.0, section 11)."""

SUFFIXES = {
    JPEG: frozenset({".jpg", ".jpeg"}),
    TIFF: frozenset({".tif", ".tiff"}),
    "JPEG2000": frozenset({".jp2", ".j2k", ".jpf", ".jpx"}),
    "PNG": frozenset({".png"}),
    "GIF": frozenset({".gif"}),
    PDF: frozenset({".pdf"}),
}
"""How names of each format end."""

RAW = frozenset({".dng", ".nef", ".cr2", ".arw"})
"""How names of cameras' raw formats end that have the structure of a TIFF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """One image file.

    :param name: in its folder.
    :param size: bytes.
    :param modified_ns: when it was last written, nanoseconds since the epoch (UTC), at the moment of the look.
    :param format: as its content says: ``JPEG``, ``TIFF``, ``JPEG2000``, ``PNG``, ``GIF`` …, and ``PDF``; ``None`` if
        that is not the content of an image or a PDF that can be read.
    :param problem: why it cannot be read, where ``format`` is ``None``, or it is a PDF with a password.
    :param width: pixels, as ``height``; 0 where unknown, and for a PDF, which has none of its own.
    :param bits: bits of each sample; 0 where unknown.
    :param channels: samples of each pixel; 0 where unknown.
    :param dpi: dots per inch, across and down; ``None`` where the file does not say.
    :param compression: the number in a TIFF's tag 259; ``None`` for other formats.
    :param orientation: of EXIF (or the same tag of a TIFF); ``None`` where there is none.
    :param has_thumbnail: whether a smaller copy of the image is embedded in its EXIF data or beside it in a TIFF.
    :param metadata_problem: why its EXIF data cannot be read; ``None`` if it can, or there is none.
    :param pixel_problem: why its pixels cannot be unpacked to the end; ``None`` if they can, or nobody asked.
    :param ink: the share of its pixels that are unlike paper, 0 to 1; ``None`` where they were not looked at.
    :param is_too_large: it would take too much memory to unpack them, and was not tried.
    :param given_up: why a PDF was not unpacked to the end, where that took too much memory or time.
    """

    name: str
    size: int
    modified_ns: int = 0
    format: str | None = None
    problem: str | None = None
    width: int = 0
    height: int = 0
    bits: int = 0
    channels: int = 0
    dpi: tuple[int, int] | None = None
    compression: int | None = None
    orientation: int | None = None
    has_thumbnail: bool = False
    metadata_problem: str | None = None
    pixel_problem: str | None = None
    ink: float | None = None
    is_too_large: bool = False
    given_up: str | None = None

    @property
    def is_bilevel(self) -> bool:
        """Whether each pixel is black or white."""
        return (self.bits, self.channels) == (1, 1)
