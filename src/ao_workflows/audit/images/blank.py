"""Telling how much an unpacked image shows."""

from PIL import Image

_LONGEST = 1000
"""Pixels of the longer side that are looked at: each hair is not wanted, a single line of text is."""

_MARGIN = 0.05
"""The part of width and height at each edge that is not looked at: what lies behind the paper shows there."""

_LIKE_PAPER = 40
"""Levels of 255 from the middle of all that count as paper: its grain, and the shade of a lamp."""


def ink_of(image: Image.Image) -> float:
    """Return which share of ``image``, which is unpacked, is unlike the paper around it, 0 to 1; edges do not count.

    A blank page has some for its dust; one short line of text has more than 0.0005.
    """
    scale = max(1, max(image.size) // _LONGEST)
    width, height = image.width // scale, image.height // scale
    left, top = int(width * _MARGIN), int(height * _MARGIN)
    small = image.resize((max(1, width), max(1, height)), Image.Resampling.NEAREST)
    inner = small.crop((left, top, max(left + 1, width - left), max(top + 1, height - top)))
    if inner.mode.startswith("I") or inner.mode == "F":
        lowest, highest = inner.getextrema()
        return float(lowest != highest)  # of 16 bits or more: no scale to say what is like paper
    shades = inner.convert("L").histogram()
    total = sum(shades)
    seen, middle = 0, 0
    while seen + shades[middle] <= total // 2:
        seen += shades[middle]
        middle += 1
    like_paper = sum(shades[max(0, middle - _LIKE_PAPER) : middle + _LIKE_PAPER + 1])
    return (total - like_paper) / total
