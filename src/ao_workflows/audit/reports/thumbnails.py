"""Small pictures of a work's images, for reports: as text that a page can hold in itself."""

import base64
import io
import os
from pathlib import Path

from PIL import Image

from ao_workflows.audit.images.looking import FORMATS
from ao_workflows.audit.images.memory import unpacked_bytes

HEIGHT = 160
"""The most pixels that a picture is high."""

_WIDTH = 320
_QUALITY = 60
_MOST_UNPACKED = 64 << 20
"""Bytes of memory that the pixels of an image may take; of a larger one there is no picture."""

_DEEP = {"I", "F", "I;16", "I;16B", "I;16L"}


class Thumbnails:
    """Pictures of files in one work; each file is opened once.

    :param root: the work's folder. Nothing outside of it is opened, whatever links are in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._known: dict[str, str | None] = {}

    def of(self, place: str) -> str | None:
        """Return the picture of the image at ``place`` in the work as a ``data:`` URL, ``None`` if it has none."""
        if place not in self._known:
            self._known[place] = self._drawn(place)
        return self._known[place]

    def _drawn(self, place: str) -> str | None:
        path = self._root / place
        if os.path.realpath(path) != os.path.join(self._real_root, place) or not path.is_file():
            return None
        try:
            with Image.open(path, formats=FORMATS) as image:
                needed = unpacked_bytes(image)
                image.draft("RGB", (_WIDTH, HEIGHT))
                # A long strip is not reduced as far as the audit reduces it.
                drafted = image.width * image.height * 4 if image.format in {"JPEG", "MPO"} else 0
                if max(needed, drafted) > _MOST_UNPACKED:
                    return None
                small = _plain(image)
        except Exception:  # noqa: BLE001  # decoders raise anything; what is wrong with it is a finding's to say
            return None
        small.thumbnail((_WIDTH, HEIGHT))
        content = io.BytesIO()
        small.save(content, "JPEG", quality=_QUALITY)
        return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def _plain(image: Image.Image) -> Image.Image:
    """Return the image unpacked, in grey or in three colours of eight bits."""
    if image.mode in _DEEP:
        # What follows takes four bytes for a pixel, twice; Pillow makes sixteen bits smaller only by leaving some out.
        image.thumbnail((2 * _WIDTH, 2 * HEIGHT), Image.Resampling.NEAREST, reducing_gap=None)
        lowest, highest = (float(level) for level in image.getextrema() if isinstance(level, int | float))
        scale = 255 / max(highest - lowest, 1)
        return image.convert("F").point(lambda level: level * scale - lowest * scale).convert("L")
    return image.convert("L" if image.mode in {"1", "L"} else "RGB")
