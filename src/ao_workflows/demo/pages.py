"""Sample pages: what a camera or a scanner makes of a leaf with writing, drawn from a seed.

Two kinds of books, as an archive holds them: the *pecha*, a long loose leaf photographed in colour (tea-brown
paper on a dark table, a red frame, black ink with some red), and the *book* page, scanned for reading as pure black on
white. Each page has a master, which is kept, and a smaller derivative for the web.
"""

import random
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

from ao_workflows.demo.script import ABOVE, Alphabet, draw_alphabet

_INK = (38, 30, 26)
_RED_INK = (142, 38, 28)
_TABLE = (34, 33, 36)

PAPER_FROM = 140
"""The grey (0 black, 255 white) above which a bilevel scan shows paper and not ink."""


class Kind(StrEnum):
    """What sort of volume a page belongs to."""

    PECHA = "pecha"
    BOOK = "book"


@dataclass(frozen=True, slots=True)
class Format:
    """The size of a kind of page and how its derivative is stored.

    :param size: width and height of the master, in pixels.
    :param dpi: resolution of the master.
    :param reduction: the derivative's width divided by the master's.
    :param letter: height of a letter in the master, in pixels.
    :param line: from one line of text to the next, in letter heights.
    :param suffix: of the derivative's file name.
    """

    size: tuple[int, int]
    dpi: int
    reduction: float
    letter: int
    line: float
    suffix: str


FORMATS = {
    Kind.PECHA: Format(size=(1680, 400), dpi=300, reduction=0.75, letter=22, line=2.05, suffix=".jpg"),
    Kind.BOOK: Format(size=(800, 1120), dpi=300, reduction=0.8, letter=19, line=2.15, suffix=".tif"),
}


class Volume:
    """Draws the pages of one image group: one hand, one kind of page."""

    def __init__(self, kind: Kind, *, seed: str) -> None:
        self.form = FORMATS[kind]
        self._kind = kind
        self._seed = seed
        self._alphabet = draw_alphabet(random.Random(f"{seed} alphabet"), self.form.letter)  # noqa: S311  # pictures, not secrets

    def save_page(self, number: int, *, master: Path, derivative: Path) -> None:
        """Draw page ``number`` and write both of its files: same seed and number, same bytes.

        :param master: an RGB TIFF, packed without loss (Deflate).
        :param derivative: a colour JPEG of a pecha leaf, a bilevel TIFF (CCITT Group 4) of a book page.
        """
        rng = random.Random(f"{self._seed} page {number}")  # noqa: S311  # pictures, not secrets
        draw = _draw_pecha if self._kind is Kind.PECHA else _draw_book_page
        page = draw(rng, self.form, self._alphabet, number)
        dpi = (self.form.dpi, self.form.dpi)
        page.save(master, "TIFF", compression="tiff_adobe_deflate", dpi=dpi)
        width, height = (round(side * self.form.reduction) for side in page.size)
        small = page.resize((width, height), Image.Resampling.LANCZOS)
        small_dpi = (round(dpi[0] * self.form.reduction),) * 2
        if self._kind is Kind.PECHA:
            small.save(derivative, "JPEG", quality=80, dpi=small_dpi)
        else:
            bilevel = small.convert("L").point(lambda tone: 255 if tone > PAPER_FROM else 0).convert("1")
            bilevel.save(derivative, "TIFF", compression="group4", dpi=small_dpi)


def _draw_pecha(rng: random.Random, form: Format, alphabet: Alphabet, number: int) -> Image.Image:
    """Draw a leaf on a table: paper, a double frame, lines of text, the title in the left margin."""
    width, height = form.size
    black, red = Image.new("L", form.size), Image.new("L", form.size)
    left, top, right, bottom = 118, 46, width - 118, height - 46
    frame = ImageDraw.Draw(red)
    for inset in (0, 7):
        frame.rectangle([left + inset, top + inset, right - inset, bottom - inset], outline=255)
    for x in (left + 34, right - 34):
        frame.line([x, top + 7, x, bottom - 7], fill=255, width=2)
    step = round(form.line * form.letter)
    red_line = 0 if number == 1 else rng.randrange(12)
    for line, head in enumerate(range(top + 26, bottom - form.letter, step)):
        _write(red if line == red_line else black, rng, alphabet, (left + 46, head), right - left - 92)
    title = Image.new("L", (bottom - top - 20, 2 * form.letter))
    _write(title, rng, alphabet, (30, round(ABOVE * form.letter)), title.width - 60)
    black.paste(title.rotate(90, expand=True), (left - 46, top + 10))

    paper = _paper(rng, form.size, light=(231, 214, 178), dark=(190, 164, 121), tones=14)
    angle = rng.uniform(-0.4, 0.4)
    leaf = _worn_leaf(rng, form.size)
    photo = Image.new("RGB", form.size, _TABLE)
    photo.paste((12, 12, 14), mask=_turned(ImageChops.offset(leaf, 3, 4), angle))
    photo.paste(paper, mask=_turned(leaf, angle))
    photo.paste(_RED_INK, mask=_turned(red, angle))
    photo.paste(_INK, mask=_turned(black, angle))
    return photo


def _draw_book_page(rng: random.Random, form: Format, alphabet: Alphabet, number: int) -> Image.Image:
    """Draw a printed page as a flatbed scanner sees it: a running head with a rule, text, the page number, specks."""
    width, height = form.size
    ink = Image.new("L", form.size)
    draw = ImageDraw.Draw(ink)
    # The wide margin is the inner one: left on a page that lies to the right.
    left, right = (110, width - 84) if number % 2 else (84, width - 110)
    _write(ink, rng, alphabet, (left + 150, 64), right - left - 300)
    draw.line([left, 118, right, 118], fill=255, width=2)
    _write(ink, rng, alphabet, (width // 2 - 40, height - 92), 80)
    indent = rng.choice((0, 40))
    for line, head in enumerate(range(142, height - 140, round(form.line * form.letter))):
        _write(ink, rng, alphabet, (left if line else left + indent, head), right - left - (0 if line else indent))
    for _ in range(rng.randint(6, 18)):
        x, y = rng.randrange(width), rng.randrange(height)
        draw.ellipse([x, y, x + rng.randint(1, 3), y + rng.randint(1, 3)], fill=200)

    page = _paper(rng, form.size, light=(248, 245, 236), dark=(232, 226, 212), tones=6)
    page.paste(_INK, mask=_turned(ink, rng.uniform(-0.6, 0.6)))
    return page


def _write(ink: Image.Image, rng: random.Random, alphabet: Alphabet, start: tuple[int, int], width: int) -> None:
    """Write one line of text that hangs from ``start``, at most ``width`` pixels long, into a mask of ink."""
    left, head = start
    for x, glyph in alphabet.line(rng, width):
        # A hand does not keep to the pixel.
        top = head - round(ABOVE * alphabet.height) + rng.choice((0, 0, 0, 1))
        ink.paste(255, (left + x, top), glyph.mask)


def _paper(
    rng: random.Random, size: tuple[int, int], *, light: tuple[int, int, int], dark: tuple[int, int, int], tones: int
) -> Image.Image:
    """Draw a sheet: stains, clouds and fibres between two colours. Few tones keep a lossless master small."""
    stains, clouds, fibres = (_noise(rng, size, cell) for cell in ((310, 170), (46, 30), (7, 3)))
    texture = Image.blend(Image.blend(stains, clouds, 0.35), fibres, 0.1)
    # Blended noise keeps to the middle of its range: 60 to 200 is stretched over the tones.
    steps = [round(min(1.0, max(0.0, (value - 60) / 140)) * tones) for value in range(256)]
    channels = [
        texture.point([low + step * (high - low) // tones for step in steps])
        for low, high in zip(dark, light, strict=True)
    ]
    return Image.merge("RGB", channels)


def _noise(rng: random.Random, size: tuple[int, int], cell: tuple[int, int]) -> Image.Image:
    """Return smooth random grey whose blotches are about ``cell`` pixels large."""
    width, height = (max(2, side // step) for side, step in zip(size, cell, strict=True))
    return Image.frombytes("L", (width, height), rng.randbytes(width * height)).resize(size, Image.Resampling.BICUBIC)


def _worn_leaf(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Return the mask of a leaf that nearly fills the picture, its long edges a little uneven."""
    width, height = size
    columns = [*range(14, width - 14, 110), width - 14]
    above = [(x, 14 + rng.randint(-2, 2)) for x in columns]
    below = [(x, height - 14 + rng.randint(-2, 2)) for x in reversed(columns)]
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([*above, *below], fill=255)
    return mask


def _turned(mask: Image.Image, angle: float) -> Image.Image:
    """Turn a mask by a few tenths of a degree: nothing lies quite straight under a camera."""
    return mask.rotate(angle, Image.Resampling.BILINEAR)
