"""Looking at one image file: its headers and metadata, and its pixels if they are asked for."""

import errno
import os
import struct
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, TiffImagePlugin

from ao_workflows.audit.images.facts import JPEG, PDF, ImageFacts
from ao_workflows.audit.images.pdf import is_pdf, unpack_pdf
from ao_workflows.audit.images.pixels import TooLarge, unpack_pixels

FORMATS = ("JPEG", "TIFF", "JPEG2000", "PNG", "GIF")
"""What is looked for in a file, whatever its name: image formats of libraries, each by a decoder that is well kept."""

MOST_DIRECTORIES = 64
"""Directories of a TIFF that are followed; a file may hold any number, or lead round in a circle."""

_COMPRESSION, _ORIENTATION, _SUBFILE_TYPE, _SUB_DIRECTORIES = 259, 274, 254, 330
_BITS_PER_SAMPLE, _SAMPLES_PER_PIXEL = 258, 277
_RESOLUTION = frozenset({282, 283})  # across and down
_THUMBNAIL_OFFSET, _STRIP_OFFSETS = 513, 273
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value of each type that is longer than a byte."""
_INLINE = 4  # bytes that stand in a directory's entry itself
_REDUCED = 1  # the bit of tag 254 that says: a smaller version of another image in this file (TIFF 6.0, section 8)
_DEPTHS = {"1": (1, 1), "L": (8, 1), "P": (8, 1), "LA": (8, 2), "RGB": (8, 3), "RGBA": (8, 4), "CMYK": (8, 4)}
_DEPTHS |= {"YCbCr": (8, 3), "LAB": (8, 3), "I;16": (16, 1), "I;16B": (16, 1), "I": (32, 1), "F": (32, 1)}

# Headers may claim any size: a large map is no attack, and what is unpacked has a bound of its own.
Image.MAX_IMAGE_PIXELS = None

# What decoders warn of is either found by a test, or nobody's concern.
warnings.filterwarnings("ignore", module=r"PIL\.")


def look_at(path: Path, *, with_pixels: bool = False, with_ink: bool = False) -> ImageFacts:
    """Return what the headers of the file ``path`` say; what is wrong with them is in the facts.

    :param with_pixels: unpack all of its pixels as well, or all pages of a PDF, to see whether that can be done.
    :param with_ink: look at them then, too: how much is on the page.
    :raises OSError: if the disk does not give the file.
    :raises NotStarted: if it is a PDF, and what unpacks them cannot be started.
    """
    with path.open("rb") as file:
        state = os.fstat(file.fileno())
        try:
            with Image.open(file, formats=FORMATS) as image:
                facts = _facts(path.name, state, image)
                return _with_pixels(facts, image, with_ink=with_ink) if with_pixels else facts
        # Decoders raise whatever they like of content that is not what it seems, a failed assertion too.
        except Exception as error:  # noqa: BLE001 - see above
            _raise_if_the_disks(error)
        if is_pdf(file):
            facts = ImageFacts(name=path.name, size=state.st_size, modified_ns=state.st_mtime_ns, format=PDF)
            return unpack_pdf(file, facts) if with_pixels else facts
        reason = "is empty" if state.st_size == 0 else "has not the content of an image or a PDF"
        return ImageFacts(name=path.name, size=state.st_size, modified_ns=state.st_mtime_ns, problem=reason)


def _with_pixels(facts: ImageFacts, image: Image.Image, *, with_ink: bool) -> ImageFacts:
    try:
        ink = unpack_pixels(image, with_ink=with_ink)
    except TooLarge:
        return replace(facts, is_too_large=True)
    except MemoryError as error:  # it would have had its room: the machine has too little, which is no fault of it
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), facts.name) from error
    except Exception as error:  # noqa: BLE001 - see look_at
        _raise_if_the_disks(error)
        return replace(facts, pixel_problem=str(error)[:200] or type(error).__name__)
    return replace(facts, ink=ink)


def _facts(name: str, state: os.stat_result, image: Image.Image) -> ImageFacts:
    compression, said_dpi = None, image.info.get("dpi")
    bits, channels = _DEPTHS.get(image.mode, (0, len(image.getbands())))
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        compression = _number(image.tag_v2.get(_COMPRESSION, 1))
        declared = image.tag_v2.get(_BITS_PER_SAMPLE, (1,))
        bits = _number(declared) or bits
        channels = _number(image.tag_v2.get(_SAMPLES_PER_PIXEL, 1)) or channels
        if _RESOLUTION - image.tag_v2.keys():
            said_dpi = None  # Pillow has one dot per inch for each that the file does not say
    orientation, has_thumbnail, problem = _metadata(image)
    return ImageFacts(
        name=name,
        size=state.st_size,
        modified_ns=state.st_mtime_ns,
        # A JPEG with several pictures in it (MPO) is a JPEG to every reader.
        format=JPEG if image.format == "MPO" else image.format,
        width=image.width,
        height=image.height,
        bits=bits,
        channels=channels,
        dpi=_dpi(said_dpi),
        compression=compression,
        orientation=orientation,
        has_thumbnail=has_thumbnail,
        metadata_problem=problem,
    )


def _dpi(said: Any) -> tuple[int, int] | None:
    """Return dots per inch as whole numbers, ``None`` if they are none or nonsense."""
    try:
        across, down = (round(float(each)) for each in said)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return (across, down) if across > 0 and down > 0 else None


def _metadata(image: Image.Image) -> tuple[int | None, bool, str | None]:
    """Return orientation, whether there is a thumbnail, and why that cannot be told."""
    try:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            orientation, has_thumbnail = image.tag_v2.get(_ORIENTATION), _tiff_has_thumbnail(image)
        else:
            orientation, has_thumbnail = _exif(image.info.get("exif", b""))
    except Exception as error:  # noqa: BLE001 - see look_at
        _raise_if_the_disks(error)
        return None, False, f"{type(error).__name__}: {str(error)[:200]}"
    if orientation is not None and not isinstance(orientation, int):
        return None, False, "the orientation is no number"
    return orientation, has_thumbnail, None


def _exif(data: bytes) -> tuple[Any, bool]:
    """Return what EXIF data say: the orientation, and whether there is a thumbnail.

    Pillow reads them when it opens an image, too, and keeps silent about what it cannot read.

    :raises ValueError: if they are cut off.
    """
    exif = Image.Exif()
    exif.load(data)
    _expect_whole(data.removeprefix(b"Exif\0\0"))
    exif.get_ifd(ExifTags.IFD.Exif)
    thumbnail = exif.get_ifd(ExifTags.IFD.IFD1)
    return exif.get(_ORIENTATION), _THUMBNAIL_OFFSET in thumbnail or _STRIP_OFFSETS in thumbnail


def _expect_whole(tiff: bytes) -> None:
    """Make sure that the first directory, and what it refers to, lies within the data (TIFF 6.0, section 2)."""
    if not tiff:
        return
    order = ">" if tiff.startswith(b"MM") else "<"
    (start,) = struct.unpack_from(f"{order}L", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for number in range(count):
        _, kind, values, offset = struct.unpack_from(f"{order}HHLL", tiff, start + 2 + 12 * number)
        size = _SIZES.get(kind, 1) * values
        if size > _INLINE and offset + size > len(tiff):
            raise ValueError("they are cut off")


def _tiff_has_thumbnail(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Tell whether another directory of the file says that it is a smaller version of an image in it."""
    for number in range(1, MOST_DIRECTORIES):
        try:
            image.seek(number)
        except EOFError:
            break
        if _number(image.tag_v2.get(_SUBFILE_TYPE, 0)) & _REDUCED:
            image.seek(0)
            return True
    image.seek(0)
    inner = image.tag_v2.get(_SUB_DIRECTORIES, ())
    return any(_is_reduced(image, offset) for offset in (inner if isinstance(inner, tuple) else (inner,)))


def _is_reduced(image: TiffImagePlugin.TiffImageFile, offset: Any) -> bool:
    """Tell whether the directory at ``offset`` says that it is a smaller version of another image."""
    if image.fp is None:
        raise ValueError("the file is closed")
    image.fp.seek(0)
    directory = TiffImagePlugin.ImageFileDirectory_v2(image.fp.read(8))
    image.fp.seek(offset)
    directory.load(image.fp)
    return bool(_number(directory.get(_SUBFILE_TYPE, 0)) & _REDUCED)


def _number(value: Any) -> int:
    first = value[0] if isinstance(value, tuple) and value else value
    return first if isinstance(first, int) else 0


def _raise_if_the_disks(error: Exception) -> None:
    """Raise an error again that has a number: decoders' own OSErrors have none."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error
