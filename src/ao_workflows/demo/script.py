"""An invented script for the sample pages: letters that hang from a head line, drawn from a seed.

The samples need pages that look like text to a person and compress like text for a machine, on machines
that have no fonts. So each work gets an alphabet of its own: letters made of a head bar, tapered stems,
bowls and hooks, with signs above and below, a dot between syllables and a stroke at the end of a phrase.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

ABOVE = 0.45
"""Room for signs above the head line, in letter heights."""

BELOW = 0.35
"""Room for signs below a letter's foot, in letter heights."""

_LETTERS = 36
_SUPERSAMPLING = 6
"""Letters are drawn this many times too large and reduced, which smooths their edges."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One sign.

    :param mask: its coverage, mode ``L``; 255 is full ink. The head line lies :data:`ABOVE` below the mask's top.
    :param advance: how far the pen moves on after it, in pixels.
    """

    mask: Image.Image
    advance: int


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The glyphs of one hand; ``height`` is that of a letter from head line to foot, in pixels."""

    height: int
    letters: tuple[Glyph, ...]
    dot: Glyph
    stroke: Glyph

    def line(self, rng: random.Random, width: int) -> list[tuple[int, Glyph]]:
        """Return one line of text that fills ``width`` pixels: glyphs with their offsets from its start."""
        placed: list[tuple[int, Glyph]] = []
        x = 0
        syllables_left = rng.randint(4, 11)
        while True:
            syllables_left -= 1
            syllable = [rng.choice(self.letters) for _ in range(rng.choice((1, 1, 2, 2, 2, 3)))]
            syllable.append(self.dot if syllables_left else self.stroke)
            if x + sum(glyph.advance for glyph in syllable) > width:
                return placed
            for glyph in syllable:
                placed.append((x, glyph))
                x += glyph.advance
            if not syllables_left:
                syllables_left = rng.randint(6, 11)


def draw_alphabet(rng: random.Random, height: int) -> Alphabet:
    """Draw an alphabet with letters of ``height`` pixels; the same state of ``rng`` gives the same alphabet."""
    dot = _Pen(height, width=0.3)
    dot.dot(0.12, 0.06, 0.08)
    stroke = _Pen(height, width=0.7)
    stroke.wedge((0.28, 0.0), (0.33, 0.95), top=0.1, foot=0.02)
    return Alphabet(
        height=height,
        letters=tuple(_draw_letter(rng, height) for _ in range(_LETTERS)),
        dot=dot.glyph(),
        stroke=stroke.glyph(),
    )


def _draw_letter(rng: random.Random, height: int) -> Glyph:
    """Draw one letter: the head bar and the stem that all of them have, one of five bodies, and perhaps a sign."""
    width = rng.uniform(0.5, 0.72)
    foot = rng.choice((0.6, 0.62, 0.95))
    stem = width - 0.13
    pen = _Pen(height, width=width)
    pen.bar(width, thickness=0.105)
    pen.wedge((stem, 0.0), (stem + 0.03, foot), top=0.12, foot=0.03)
    match rng.randrange(5):
        case 0:
            pen.arc((0.02, 0.16), (width - 0.06, 0.62), start=90, end=290)
        case 1:
            pen.wedge((0.06, 0.0), (0.1, 0.42), top=0.1, foot=0.04)
            pen.arc((0.06, 0.2), (width - 0.06, 0.58), start=20, end=180)
        case 2:
            pen.wedge((stem - 0.02, 0.22), (0.02, 0.6), top=0.09, foot=0.05)
            pen.wedge((0.1, 0.0), (0.18, 0.3), top=0.1, foot=0.03)
        case 3:
            pen.arc((0.03, 0.08), (width * 0.65, 0.46), start=60, end=300)
            pen.arc((width * 0.25, 0.3), (width - 0.04, 0.66), start=0, end=170)
        case _:
            middle = width * rng.uniform(0.3, 0.45)
            pen.wedge((middle, 0.0), (middle - 0.12, 0.5), top=0.1, foot=0.05)
            pen.wedge((middle - 0.12, 0.46), (stem, 0.3), top=0.06, foot=0.07)
    match rng.randrange(7):
        case 0:
            pen.arc((width / 2 - 0.18, -0.34), (width / 2 + 0.18, -0.04), start=160, end=350)
        case 1:
            pen.wedge((width / 2 - 0.2, -0.34), (width / 2 + 0.1, -0.08), top=0.12, foot=0.03)
        case 2:
            pen.arc((0.05, foot - 0.12), (width - 0.08, foot + 0.22), start=300, end=160)
        case _:
            pass
    return pen.glyph(space=rng.uniform(0.03, 0.07))


class _Pen:
    """Draws one glyph. Lengths are in letter heights; the origin is where the head line begins."""

    def __init__(self, height: int, *, width: float) -> None:
        self._height = height
        self._width = width
        self._scale = height * _SUPERSAMPLING
        self._size = (max(1, round(width * height)), round((ABOVE + 1 + BELOW) * height))
        self._image = Image.new("L", (self._size[0] * _SUPERSAMPLING, self._size[1] * _SUPERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)

    def glyph(self, *, space: float = 0.0) -> Glyph:
        """Return what was drawn, followed by ``space``."""
        mask = self._image.resize(self._size, Image.Resampling.BOX)
        return Glyph(mask, round((self._width + space) * self._height))

    def bar(self, length: float, *, thickness: float) -> None:
        """Draw the head bar, its left end cut aslant as a reed pen does."""
        corners = ((0.0, 0.0), (length, 0.0), (length, thickness * 0.8), (thickness * 0.7, thickness))
        self._draw.polygon([self._at(corner) for corner in corners], fill=255)

    def wedge(self, begin: tuple[float, float], end: tuple[float, float], *, top: float, foot: float) -> None:
        """Draw a stroke that is ``top`` wide where it begins and ``foot`` wide where it ends."""
        corners = (begin, (begin[0] + top, begin[1]), (end[0] + foot, end[1]), end)
        self._draw.polygon([self._at(corner) for corner in corners], fill=255)

    def arc(self, corner: tuple[float, float], opposite: tuple[float, float], *, start: int, end: int) -> None:
        """Draw a part of the ellipse between two corners; angles in degrees, clockwise from three o'clock."""
        box = [self._at(corner), self._at(opposite)]
        self._draw.arc(box, start, end, fill=255, width=round(0.085 * self._scale))

    def dot(self, x: float, y: float, radius: float) -> None:
        """Draw a filled circle."""
        box = [self._at((x - radius, y - radius)), self._at((x + radius, y + radius))]
        self._draw.ellipse(box, fill=255)

    def _at(self, point: tuple[float, float]) -> tuple[float, float]:
        return point[0] * self._scale, (point[1] + ABOVE) * self._scale
