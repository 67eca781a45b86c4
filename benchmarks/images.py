"""Auditing images, as commands: ours, and the least that Pillow does for the same files."""

import random
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from ao_workflows.audit import AuditProperties, audit_tests, run_audit
from benchmarks.works import RID, files_of

CORES = 2
DIFFERENT = 12
"""Images that are drawn of each kind; the others are these, each with more bytes after its end than the one before.

Files of one size would be read once more, to see whether they are the same; scans hardly ever have the same size.
"""

Image.MAX_IMAGE_PIXELS = None


def make_images(folder: Path, count: int) -> None:
    """Make a work of ``count`` scanned pages: web images in colour, masters in black and white."""
    chance = random.Random(22084)  # noqa: S311  # the same pages each time
    web, masters = (folder / RID / kind / f"{RID}-0001" for kind in ("images", "archive"))
    for place in (web, masters):
        place.mkdir(parents=True)
    for number in range(min(DIFFERENT, count)):
        page = _page(chance, (2000, 3000))
        grain = Image.effect_noise(page.size, 20).filter(ImageFilter.GaussianBlur(1))
        Image.merge("RGB", [Image.blend(page, grain, share) for share in (0.1, 0.15, 0.25)]).save(
            web / f"{number}.new", "JPEG", quality=75
        )
        _scan_of(_page(chance, (3000, 4000))).save(masters / f"{number}.new", "TIFF", compression="group4")
    for number in range(1, count + 1):
        for place, suffix in ((web, "jpg"), (masters, "tif")):
            content = (place / f"{number % min(DIFFERENT, count)}.new").read_bytes()
            (place / f"0001{number:04}.{suffix}").write_bytes(content + b"%04d" % number * number)
    for drawn in [*web.glob("*.new"), *masters.glob("*.new")]:
        drawn.unlink()


def _page(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Draw strokes in lines, as thick and as many as those of print."""
    page = Image.new("L", size, 235)
    draw = ImageDraw.Draw(page)
    for top in range(size[1] // 12, size[1] * 11 // 12, 60):
        left = size[0] // 10
        while left < size[0] * 9 // 10:
            draw.line((left, top + chance.randrange(12), left + chance.randrange(14), top + 32), fill=30, width=5)
            left += 8 + chance.randrange(22)
    return page


def _scan_of(page: Image.Image) -> Image.Image:
    """Return the page as a scanner takes it: each pixel black or white by a threshold, edges rough.

    Shades made of dots, which is what Pillow makes of grey, are packed by Group 4 into more bytes than they have.
    """
    grain = Image.effect_noise(page.size, 60)
    return Image.blend(page, grain, 0.3).filter(ImageFilter.GaussianBlur(2)).point(_BLACK_OR_WHITE).convert("1")


_BLACK_OR_WHITE = [0] * 128 + [255] * 128


def headers(work: Path) -> None:
    """Run every test of ours that needs no pixels."""
    keys = [key for key, test in audit_tests().items() if not test.needs_pixels]
    _expect_no_error(run_audit(work, tests=keys, properties=_RULES, jobs=CORES).outcome)


def everything(work: Path) -> None:
    """Run all tests of ours."""
    _expect_no_error(run_audit(work, properties=_RULES, jobs=CORES).outcome)


_RULES = AuditProperties(maximum_image_file_size=10 << 20)


def _expect_no_error(outcome: str) -> None:
    if outcome == "failed":
        raise SystemExit("the images are not what they should be")


def verify(path: Path) -> None:
    """Open one image and look for what its headers give away, with Pillow."""
    with Image.open(path) as image:
        image.verify()


def load(path: Path) -> None:
    """Unpack one image, with Pillow."""
    with Image.open(path) as image:
        image.load()


def by_pillow(job: Callable[[Path], None]) -> Callable[[Path], None]:
    """Return a job for all images of a work, in a process for each core."""

    def run(work: Path) -> None:
        with ProcessPoolExecutor(CORES) as pool:
            list(pool.map(job, files_of(work), chunksize=8))

    return run


if __name__ == "__main__":
    jobs = {"headers": headers, "everything": everything, "verify": by_pillow(verify), "load": by_pillow(load)}
    jobs[sys.argv[1]](Path(sys.argv[2]))
