"""Works with one known fault each, and what an audit has to say about them: written by hand, for both layouts.

Places are told by what they hold: ``{images}``, ``{archive}``, ``{sources}`` and ``{eBooks}`` stand for the folders of
the image group 0886, and ``{images}+`` for those of a second group, 0887, which is only there when it is named.
"""

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from fixtures.images import exif, jpeg, tiff
from fixtures.pdfs import locked, one_page, scanned

RID = "W22084"
PAGES = 6
WEB, MASTER = "{images}/0886%04d.jpg", "{archive}/0886%04d.tif"

Expected = tuple[str, int, str, str]
"""A finding: the test, the error number, the severity, and the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One work: a good one, changed.

    :param put: files by place, in place of those that are there; a place that ends in ``/`` is an empty folder.
    :param drop: places of files that are taken away.
    :param found: all that an audit finds.
    """

    name: str
    put: Mapping[str, bytes] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    found: tuple[Expected, ...] = ()


def place_in(layout: str, place: str) -> str:
    """Return where a place is in a work of layout ``V1`` or ``V2``."""
    for kind in ("images", "archive", "sources", "eBooks"):
        for mark, group in ((f"{{{kind}}}+", f"{RID}-0887"), (f"{{{kind}}}", f"{RID}-0886")):
            place = place.replace(mark, f"{kind}/{group}" if layout == "V1" else f"{group}/{kind}")
    return place


def make_work(folder: Path, layout: str, row: Row) -> Path:
    """Make the work of a row."""
    files = {WEB % page: jpeg(f"web {page}") for page in range(1, PAGES + 1)}
    files |= {MASTER % page: tiff(f"master {page}") for page in range(1, PAGES + 1)}
    for place, content in {**{place: files[place] for place in files if place not in row.drop}, **row.put}.items():
        path = folder / RID / place_in(layout, place)
        if place.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder / RID


def each(tests: str, error: int, severity: str, place: str) -> tuple[Expected, ...]:
    """Return the same finding of several tests."""
    return tuple((test, error, severity, place) for test in tests.split())


def png(size: tuple[int, int] = (60, 80), mode: str = "L") -> bytes:
    """Return a PNG with a black box in it."""
    content = io.BytesIO()
    image = Image.new(mode, size, 255)
    image.paste(0, (10, 10, 30, 30))
    image.save(content, "PNG")
    return content.getvalue()


def blank(format_: str, mode: str, **options: object) -> bytes:
    """Return a white image."""
    content = io.BytesIO()
    Image.new(mode, (60, 80), 255).save(content, format_, **options)
    return content.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Return a PNG that says that it is so large."""
    content = bytearray(png())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


def sized(length: int) -> bytes:
    """Return a JPEG of so many bytes."""
    content = jpeg("sized")
    return content + bytes(length - len(content))


def with_dpi(image: bytes, dpi: int) -> bytes:
    """Return a JPEG that says that it has so many dots per inch, in its JFIF header (ITU T.871, section 10.1)."""
    assert image[6:11] == b"JFIF\0"
    return image[:13] + b"\1" + dpi.to_bytes(2, "big") * 2 + image[18:]


def at_resolution(pages: Mapping[str, bytes], dpi: int) -> dict[str, bytes]:
    """Return all ten pages, the web images at one resolution."""
    web = {WEB % page: with_dpi(jpeg(f"web {page}"), dpi) for page in range(1, 11)}
    return {**pages, **web}


def pages_to(count: int, last: bytes) -> dict[str, bytes]:
    """Return the pages from 7 on for both kinds; ``last`` is the last web image."""
    pages = {WEB % page: jpeg(f"web {page}") for page in range(7, count + 1)}
    pages |= {MASTER % page: tiff(f"master {page}") for page in range(7, count + 1)}
    return pages | {WEB % count: last}


STRUCTURE = [
    Row(name="a good work"),
    Row(
        name="a folder that no test knows",
        put={"foo/x": b"x"},
        found=(("WorkLayout", 100, "error", "foo"),),
    ),
    Row(
        name="a second group without masters",
        put={"{images}+/08870001.jpg": jpeg("second")},
        found=each(
            "NoFoldersInImageGroups FileSequence ImageIntegrity ImagePairing ImageConsistency BlankOrDuplicatePages",
            101,
            "error",
            "{archive}+",
        ),
    ),
    Row(name="a file in the root", put={"x.txt": b"x"}, found=(("NoFilesInFolder", 102, "error", "x.txt"),)),
    Row(name="a hidden file in the root", put={".x": b"x"}),
    Row(
        name="a folder in an image group",
        put={"{images}/sub/x.txt": b"x"},
        found=(
            ("NoFoldersInImageGroups", 103, "error", "{images}/sub"),
            ("NoFoldersInImageGroups", 104, "error", "{images}"),
        ),
    ),
    Row(
        name="a page that is missing on the web",
        drop=(WEB % 3,),
        found=(
            ("FileSequence", 105, "error", "{images}"),
            ("FileSequence", 109, "error", "{images}"),
            ("FileSequence", 106, "error", "{images}"),
            ("ImagePairing", 130, "warning", MASTER % 3),
        ),
    ),
    Row(
        name="a page 0 before the first",
        put={WEB % 0: jpeg("cover"), MASTER % 0: tiff("cover")},
    ),
    Row(
        name="two files of one page",
        put={"{images}/0886-0003.jpg": jpeg("again")},
        found=(("FileSequence", 107, "error", WEB % 3), ("FileSequence", 106, "error", "{images}")),
    ),
    Row(name="a json file beside the pages", put={"{images}/dimensions.json": b"[]"}),
    Row(
        name="a group without a page",
        put={"{images}+/": b"", "{archive}+/": b""},
        found=(
            ("FileSequence", 109, "error", "{images}+"),
            ("FileSequence", 106, "error", "{images}+"),
            ("FileSequence", 109, "error", "{archive}+"),
            ("FileSequence", 106, "error", "{archive}+"),
        ),
    ),
    Row(
        name="left by an operating system",
        put={"other/.DS_Store": b"x"},
        found=(("NameHygiene", 170, "warning", "other/.DS_Store"),),
    ),
    Row(name="an empty file", put={"other/x": b""}, found=(("NameHygiene", 171, "warning", "other/x"),)),
    Row(name="a file of one byte", put={"other/x": b"x"}),
    Row(
        name="names that differ by case",
        put={"other/A": b"x", "other/a": b"y"},
        found=(("NameHygiene", 172, "warning", "other/a"),),
    ),
    Row(name="names in two folders that differ by case", put={"other/A": b"x", "backup/a": b"y"}),
    Row(
        name="a name that Windows refuses",
        put={"other/a?": b"x"},
        found=(("NameHygiene", 173, "warning", "other/a?"),),
    ),
]

IMAGES = [
    Row(
        name="a PNG on the web",
        drop=(WEB % 3,),
        put={"{images}/08860003.png": png()},
        found=(("WebImageAttributes", 110, "error", "{images}/08860003.png"),),
    ),
    Row(
        name="a bilevel TIFF that is packed by LZW",
        drop=(WEB % 3,),
        put={"{images}/08860003.tif": tiff("lzw", compression="tiff_lzw")},
        found=(("WebImageAttributes", 111, "error", "{images}/08860003.tif"),),
    ),
    Row(name="a bilevel TIFF that is packed by Group 4", drop=(WEB % 3,), put={"{images}/08860003.tif": tiff("four")}),
    Row(
        name="a grey TIFF that is packed by LZW",
        drop=(WEB % 3,),
        put={"{images}/08860003.tif": tiff("grey", mode="L", compression="tiff_lzw")},
    ),
    Row(
        name="a byte more than 400 K",
        put={WEB % 3: sized(409_601)},
        found=(("FileSizeTests", 112, "error", WEB % 3),),
    ),
    Row(name="400 K", put={WEB % 3: sized(409_600)}),
    Row(name="a large master", put={MASTER % 3: tiff("x") + bytes(500_000)}),
    Row(
        name="a master that is turned",
        put={MASTER % 3: tiff("turned", orientation=2)},
        found=(("EXIFArchiveTest", 115, "error", MASTER % 3),),
    ),
    Row(name="a master that is upright", put={MASTER % 3: tiff("upright", orientation=1)}),
    Row(
        name="a web image that is turned",
        put={WEB % 3: jpeg("turned", exif=exif(2))},
        found=(("EXIFImageTest", 116, "error", WEB % 3),),
    ),
    Row(
        name="a web image whose metadata cannot be read",
        put={WEB % 3: jpeg("broken", exif=b"Exif\0\0no metadata")},
        found=(("EXIFImageTest", 116, "error", WEB % 3), ("EXIFImageThumbnail", 118, "error", WEB % 3)),
    ),
    Row(name="a web image without a direction", put={WEB % 3: jpeg("none", exif=exif(0))}),
    Row(
        name="a master with a thumbnail",
        drop=(MASTER % 3,),
        put={"{archive}/08860003.jpg": jpeg("thumb", exif=exif(1, thumbnail=jpeg("t")))},
        found=(("EXIFArchiveThumbnail", 117, "error", "{archive}/08860003.jpg"),),
    ),
    Row(
        name="a web image with a thumbnail",
        put={WEB % 3: jpeg("thumb", exif=exif(1, thumbnail=jpeg("t")))},
        found=(("EXIFImageThumbnail", 118, "error", WEB % 3),),
    ),
    Row(
        name="two dashes in a name",
        drop=(WEB % 3,),
        put={"{images}/0886--0003.jpg": jpeg("dashes")},
        found=(("ImageFileNameFormat", 119, "error", "{images}/0886--0003.jpg"),),
    ),
    Row(name="a dash in a name, and capitals", drop=(WEB % 3,), put={"{images}/0886-0003.JPG": jpeg("dash")}),
    Row(name="an underscore in a name", drop=(WEB % 3,), put={"{images}/0886_0003.jpg": jpeg("score")}),
    Row(
        name="an image that is cut off",
        put={WEB % 3: jpeg("cut", size=(600, 800))[:-200]},
        found=(
            ("ImageIntegrity", 120, "error", WEB % 3),
            ("ImageConsistency", 140, "warning", WEB % 3),
            ("ArchiveFormat", 161, "warning", MASTER % 3),
        ),
    ),
    Row(
        name="a text that is named like an image",
        put={WEB % 3: b"This is no image."},
        found=(
            ("ImageIntegrity", 121, "error", WEB % 3),
            ("WebImageAttributes", 110, "error", WEB % 3),
            ("EXIFImageTest", 116, "error", WEB % 3),
            ("EXIFImageThumbnail", 118, "error", WEB % 3),
        ),
    ),
    Row(
        name="a JPEG that is named like a TIFF",
        drop=(WEB % 3,),
        put={"{images}/08860003.tif": jpeg("other")},
        found=(("ImageIntegrity", 122, "warning", "{images}/08860003.tif"),),
    ),
    Row(
        name="an image that claims to be vast",
        drop=(MASTER % 3,),
        put={"{archive}/08860003.png": claiming(60_000, 60_000)},
        found=(
            ("ImageIntegrity", 123, "error", "{archive}/08860003.png"),
            ("ImageConsistency", 140, "warning", "{archive}/08860003.png"),
            ("ArchiveFormat", 160, "warning", "{archive}/08860003.png"),
        ),
    ),
    Row(
        name="a master that is a PDF",
        drop=(MASTER % 3,),
        put={"{archive}/08860003.pdf": scanned()},
        found=(("ArchiveFormat", 160, "warning", "{archive}/08860003.pdf"),),
    ),
    Row(
        name="a PDF on the web that is cut off",
        drop=(WEB % 3,),
        put={"{images}/08860003.pdf": scanned(3)[:-500]},
        found=(
            ("ImageIntegrity", 120, "error", "{images}/08860003.pdf"),
            ("WebImageAttributes", 110, "error", "{images}/08860003.pdf"),
        ),
    ),
    Row(
        name="a PDF on the web that is locked",
        drop=(WEB % 3,),
        put={"{images}/08860003.pdf": locked()},
        found=(
            ("ImageIntegrity", 121, "error", "{images}/08860003.pdf"),
            ("WebImageAttributes", 110, "error", "{images}/08860003.pdf"),
        ),
    ),
    Row(name="a PDF and an image among the sources", put={"{sources}/a.pdf": scanned(2), "other/b.JPG": jpeg("b")}),
    Row(
        name="a PDF among the sources that is cut off",
        put={"{sources}/a.pdf": one_page()[:-20]},
        found=(("ImageIntegrity", 120, "error", "{sources}/a.pdf"),),
    ),
    Row(
        name="an eBook that claims 100,000 pages",
        put={"{eBooks}/a.pdf": one_page(count=100_000)},
        found=(("ImageIntegrity", 123, "error", "{eBooks}/a.pdf"),),
    ),
    Row(
        name="a master without a web image",
        put={MASTER % 7: tiff("more")},
        found=(("ImagePairing", 130, "warning", MASTER % 7),),
    ),
    Row(
        name="a web image without a master",
        put={WEB % 7: jpeg("more")},
        found=(("ImagePairing", 131, "warning", WEB % 7),),
    ),
    Row(
        name="an image of 36 pixels where 60 are usual",
        put={WEB % 3: jpeg("narrow", size=(36, 80))},
        found=(("ImageConsistency", 140, "warning", WEB % 3),),
    ),
    Row(name="an image of 37 pixels where 60 are usual", put={WEB % 3: jpeg("narrow", size=(37, 80))}),
    Row(
        name="one narrow image of five",
        drop=(WEB % 6, MASTER % 6),
        put={WEB % 3: jpeg("narrow", size=(36, 80))},
        found=(("ImageConsistency", 140, "warning", WEB % 3),),
    ),
    Row(
        name="one narrow image of four, which are too few to be judged",
        drop=(WEB % 5, MASTER % 5, WEB % 6, MASTER % 6),
        put={WEB % 3: jpeg("narrow", size=(36, 80))},
    ),
    Row(
        name="an image 48 pixels high where 80 are usual",
        put={WEB % 3: jpeg("low", size=(60, 48))},
        found=(("ImageConsistency", 140, "warning", WEB % 3),),
    ),
    Row(name="an image 49 pixels high where 80 are usual", put={WEB % 3: jpeg("low", size=(60, 49))}),
    Row(
        name="a master of 100 pixels where 60 are usual",
        put={MASTER % 3: tiff("wide", size=(100, 80))},
        found=(("ImageConsistency", 140, "warning", MASTER % 3),),
    ),
    Row(name="a master of 99 pixels where 60 are usual", put={MASTER % 3: tiff("wide", size=(99, 80))}),
    Row(
        name="one of ten masters with more bits",
        put=pages_to(10, jpeg("web 10")) | {MASTER % 10: tiff("grey", mode="L", compression="raw")},
        found=(("ImageConsistency", 141, "warning", MASTER % 10),),
    ),
    Row(name="one of nine images in colour", put=pages_to(9, jpeg("colour", mode="RGB"))),
    Row(
        name="one of ten images in colour",
        put=pages_to(10, jpeg("colour", mode="RGB")),
        found=(("ImageConsistency", 141, "warning", WEB % 10),),
    ),
    Row(
        name="one of ten images at another resolution",
        put=at_resolution(pages_to(10, jpeg("web 10")), 300) | {WEB % 10: with_dpi(jpeg("web 10"), 299)},
        found=(("ImageConsistency", 142, "warning", WEB % 10),),
    ),
    Row(
        name="one of ten images that says no resolution",
        put=at_resolution(pages_to(10, b""), 300) | {WEB % 10: jpeg("web 10")},
    ),
    Row(
        name="four images that say a resolution, one of them another",
        put={WEB % page: with_dpi(jpeg(f"web {page}"), 300 if page < 4 else 72) for page in range(1, 5)},
    ),
    Row(name="one of six images in colour", put={WEB % 3: jpeg("colour", mode="RGB")}),
    Row(
        name="a blank web image",
        put={WEB % 3: blank("JPEG", "L")},
        found=(("BlankOrDuplicatePages", 150, "warning", WEB % 3),),
    ),
    Row(name="a blank master", put={MASTER % 3: blank("TIFF", "1", compression="group4")}),
    Row(
        name="a page that is there twice",
        put={WEB % 3: jpeg("web 2")},
        found=(("BlankOrDuplicatePages", 151, "warning", WEB % 3),),
    ),
    Row(
        name="a master that is a PNG",
        drop=(MASTER % 3,),
        put={"{archive}/08860003.png": png()},
        found=(("ArchiveFormat", 160, "warning", "{archive}/08860003.png"),),
    ),
    Row(
        name="a master that is smaller than its web image",
        put={MASTER % 3: tiff("small", size=(59, 80))},
        found=(("ArchiveFormat", 161, "warning", MASTER % 3),),
    ),
]
