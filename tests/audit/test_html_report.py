"""The report as a page: everything from a work is text in it, and it needs nothing outside of itself."""

import base64
import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from ao_workflows.audit import AuditFinding, AuditReport, Severity, TestResult, run_audit
from ao_workflows.audit.reports import html_page, pictures, thumbnails
from ao_workflows.audit.reports.html_page import write_html
from ao_workflows.errors import MustWait
from fixtures.images import jpeg, tiff

MADE = datetime(2026, 4, 27, 16, 41, tzinfo=UTC)
WEB = "images/W22084-0886"


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.inline: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in {"script", "style"} and data.strip():
            self.inline.setdefault(self._open, data)
        else:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def about(path: str, error: int = 110, message: str = "It is wrong.", test: str = "WebImageAttributes") -> AuditFinding:
    return AuditFinding(test, error, path, message, Severity.ERROR)


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., Page]:
    """Return a function that writes a work's images and a report with these findings, and reads the page."""

    def write(*findings: AuditFinding, images: dict[str, bytes], rid: str = "W22084") -> Page:
        for name, content in images.items():
            (tmp_path / "W22084" / WEB).mkdir(parents=True, exist_ok=True)
            (tmp_path / "W22084" / WEB / name).write_bytes(content)
        report = AuditReport(rid, (TestResult("WebImageAttributes", findings),))
        write_html(report, tmp_path / "W22084", tmp_path / "report.html", made=MADE)
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return write


MEASURED = """
import pathlib, re, sys
from ao_workflows.audit.reports.thumbnails import Thumbnails

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

before = most()
assert Thumbnails(pathlib.Path(sys.argv[1])).of("1.tif")
print(most() - before)
"""
"""Prints by how many KiB the memory of a process grew for a picture."""

PAGES = {f"0886000{number}.jpg": jpeg(str(number)) for number in range(1, 6)}


def test_an_image_is_shown_between_its_neighbours(page):
    found = page(about(f"{WEB}/08860003.jpg"), images=PAGES)
    assert [image["alt"] for image in found.all("img")] == ["08860002.jpg", "08860003.jpg", "08860004.jpg"]
    assert [figure.get("class") for figure in found.all("figure")] == [None, "concerned", None]
    assert [image["alt"] for image in page(about(f"{WEB}/08860001.jpg"), images=PAGES).all("img")] == [
        "08860001.jpg",
        "08860002.jpg",
    ]


def test_a_finding_about_a_folder_or_a_file_that_is_gone_has_no_picture(page):
    assert page(about(WEB), about("x.txt"), about(f"{WEB}/gone.jpg"), about("."), images=PAGES).all("img") == []


@pytest.mark.parametrize("error", [140, 141, 142, 150, 151])
def test_what_stands_out_is_shown_beside_a_usual_image(page, error: int):
    found = page(about(f"{WEB}/08860001.jpg", error), about(f"{WEB}/08860002.jpg", 110), images=PAGES)
    sheet = [image["alt"] for image in found.all("img")][-2:]
    assert sheet == ["a usual one: 08860003.jpg", "08860001.jpg"]


def test_an_image_that_cannot_be_shown_is_a_text(page, monkeypatch: pytest.MonkeyPatch):
    images = {"08860001.jpg": PAGES["08860001.jpg"][:200], "08860002.jpg": b"text", "08860003.jpg": b""}
    found = page(*(about(f"{WEB}/{name}") for name in images), images=images)
    assert found.all("img") == []
    assert "no picture: cannot be unpacked" in found.text
    monkeypatch.setattr(thumbnails, "_MOST_UNPACKED", 10)
    assert page(about(f"{WEB}/08860004.jpg"), images=PAGES).all("img") == []


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_images_of_every_kind_are_shown(page, mode: str):
    content = tiff(mode, mode=mode, compression="group4" if mode == "1" else "raw")
    (image,) = page(about(f"{WEB}/08860001.tif"), images={"08860001.tif": content}).all("img")
    assert image["src"].startswith("data:image/jpeg;base64,")


def test_nothing_outside_of_the_work_is_opened(page, tmp_path: Path):
    (tmp_path / "secret.jpg").write_bytes(jpeg("secret"))
    (tmp_path / "W22084" / WEB).mkdir(parents=True)
    (tmp_path / "W22084" / WEB / "08860001.jpg").symlink_to(tmp_path / "secret.jpg")
    assert page(about(f"{WEB}/08860001.jpg"), about("../secret.jpg"), images={}).all("img") == []


def test_a_group_that_is_a_link_has_neither_pictures_nor_names(page, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.jpg").write_bytes(jpeg("secret"))
    (tmp_path / "W22084" / "images").mkdir(parents=True)
    (tmp_path / "W22084" / WEB).symlink_to(tmp_path / "elsewhere")
    assert page(about(f"{WEB}/secret.jpg"), images={}).all("figure") == []


@pytest.mark.timeout(20)  # to open a pipe would wait for a writer
def test_a_picture_is_never_that_of_a_link_or_a_pipe(tmp_path: Path):
    work = tmp_path / "W22084"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.jpg").write_bytes(jpeg("secret"))
    work.mkdir()
    (work / "images").symlink_to(tmp_path / "elsewhere")
    (work / "1.jpg").symlink_to(tmp_path / "elsewhere" / "1.jpg")
    os.mkfifo(work / "2.jpg")
    (work / "3.jpg").write_bytes(jpeg("own"))
    drawn = thumbnails.Thumbnails(work)
    assert [drawn.of(place) for place in ("images/1.jpg", "1.jpg", "2.jpg", "../elsewhere/1.jpg")] == [None] * 4
    assert drawn.of("3.jpg") is not None


@pytest.mark.parametrize(("size", "height"), [((3000, 4000), 160), ((4000, 300), 24), ((5000, 5000), 160)])
def test_a_large_image_is_shown_small(page, size: tuple[int, int], height: int):
    (image,) = page(about(f"{WEB}/08860001.jpg"), images={"08860001.jpg": jpeg("large", size=size)}).all("img")
    with Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))) as picture:
        assert picture.height == height
        assert picture.width <= 320


def test_a_picture_of_sixteen_bits_takes_little_more_memory_than_the_image(tmp_path: Path):
    Image.new("I;16", (5700, 5700)).save(tmp_path / "1.tif", compression="tiff_adobe_deflate")
    grown = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert int(grown) < 100 << 10


def test_names_and_messages_are_text_whatever_they_hold(page):
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\x1b[31m\udcff\u202e'
    found = page(about(f"{WEB}/{hostile}", message=hostile, test=hostile), images={}, rid=hostile)
    assert len(found.all("script")) == 1
    assert found.all("img") == []
    shown = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\\x1b[31m\\udcff\\u202e'
    assert "".join(found.text).count(shown) >= 4


def test_an_image_with_a_hostile_name_is_shown(page):
    name = "0001\"'><b>.jpg"
    (image,) = page(about(f"{WEB}/{name}"), images={name: PAGES["08860001.jpg"]}).all("img")
    assert image["alt"] == name


def test_the_page_needs_and_allows_nothing_but_what_is_in_it(page):
    found = page(about(f"{WEB}/08860001.jpg"), images=PAGES)
    policy = next(tag["content"] for tag in found.all("meta") if tag.get("http-equiv") == "Content-Security-Policy")
    hashes = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for name, text in found.inline.items()
    }
    assert policy == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'sha256-{hashes['style']}'; "
        f"script-src 'sha256-{hashes['script']}'"
    )
    for _, attributes in found.tags:
        assert not attributes.keys() & {"href", "srcset", "style", "onclick", "onload"}
        assert (attributes.get("src") or "data:").startswith("data:")
    assert not re.search(r"url\(|@import|https?:", found.inline["style"] + found.inline["script"])


def test_the_outcome_is_said_in_words(page):
    warning = AuditFinding("NameHygiene", 170, "x", "x", Severity.WARNING)
    assert "Failed: 1 error, 1 warning" in page(about("x"), warning, images={}).text
    assert "Passed with warnings: 2 warnings" in page(warning, warning, images={}).text
    assert "Passed" in page(images={}).text
    assert any("27 April 2026 at 16:41 UTC" in text for text in page(images={}).text)


def test_a_page_has_bounds_and_says_so(page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(html_page, "MOST_LISTED", 3)
    monkeypatch.setattr(pictures, "MOST_WITH_PICTURES", 2)
    found = page(*(about(f"{WEB}/{name}") for name in PAGES), images=PAGES)
    assert len([row for row in found.all("tr") if "data-severity" in row]) == 3
    assert len([figure for figure in found.all("figure") if figure.get("class") == "concerned"]) == 2
    assert any("the other 2" in text for text in found.text)


def test_the_bound_counts_findings_and_leaves_room_for_what_stands_out(page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pictures, "MOST_WITH_PICTURES", 2)
    findings = [about(f"{WEB}/08860001.jpg"), about(f"{WEB}/08860001.jpg"), about(f"{WEB}/08860001.jpg")]
    alts = [image["alt"] for image in page(*findings, about(f"{WEB}/08860004.jpg", 140), images=PAGES).all("img")]
    assert alts == ["08860001.jpg", "08860002.jpg"] * 2 + ["a usual one: 08860002.jpg", "08860004.jpg"]
    monkeypatch.setattr(pictures, "MOST_OUTLIERS", 1)
    alts = [
        image["alt"]
        for image in page(*(about(f"{WEB}/{name}", 140) for name in PAGES), images=PAGES | {"x.jpg": b""}).all("img")
    ]
    assert alts[-1] == "08860001.jpg"


@pytest.mark.parametrize(
    ("size", "options"),
    [((5000, 5000), {"progressive": True}), ((300, 60_000), {})],
    ids=["progressive", "strip"],
)
def test_an_image_that_would_take_much_memory_is_a_text(
    page, size: tuple[int, int], options: dict[str, bool], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(thumbnails, "_MOST_UNPACKED", 16 << 20)
    content = io.BytesIO()
    Image.new("RGB", size, "white").save(content, "JPEG", **options)
    assert page(about(f"{WEB}/08860001.jpg"), images={"08860001.jpg": content.getvalue()}).all("img") == []


def test_the_same_report_is_the_same_page(page, tmp_path: Path):
    page(about(f"{WEB}/08860001.jpg"), images=PAGES)
    first = (tmp_path / "report.html").read_bytes()
    page(about(f"{WEB}/08860001.jpg"), images=PAGES)
    assert (tmp_path / "report.html").read_bytes() == first


def test_a_folder_that_is_no_work_has_a_page_too(tmp_path: Path):
    report = AuditReport("x", (TestResult("Structure", (about("."),)),))
    write_html(report, tmp_path / "nowhere", tmp_path / "report.html", made=MADE)
    assert "Failed: 1 error" in (tmp_path / "report.html").read_text()


def test_a_full_disk_leaves_the_page_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "report.html").write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MustWait):
        write_html(AuditReport("x", ()), tmp_path, tmp_path / "report.html", made=MADE)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "before"


@pytest.mark.parametrize("layout", ["good_v1", "good_v2"])
def test_both_layouts_have_pictures(tmp_path: Path, make_work, layout: str, request: pytest.FixtureRequest):
    work = make_work(*request.getfixturevalue(layout))
    for image in work.rglob("08860001.jpg"):
        image.rename(image.with_name("wrong_0001.jpg"))
    write_html(run_audit(work), work, tmp_path / "report.html", made=MADE)
    assert 'alt="wrong_0001.jpg"' in (tmp_path / "report.html").read_text()
