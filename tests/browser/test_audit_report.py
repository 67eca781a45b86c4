"""The report of an audit in a real browser, opened from the disk as an archivist would."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from ao_workflows.audit import run_audit
from ao_workflows.audit.reports.html_page import write_html
from fixtures.images import jpeg, tiff

CHROMIUM = shutil.which("chromium") or ""
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
MADE = datetime(2026, 4, 27, 16, 41, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a work with faults of many kinds, with names of every script and length."""
    work = tmp_path_factory.mktemp("work") / "W22084"
    for group in ("0886", "I1KG10195"):
        for number in range(1, 13):
            for kind, suffix, draw in (("images", "jpg", jpeg), ("archive", "tif", tiff)):
                path = work / kind / f"W22084-{group}" / f"{group}{number:04}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(draw(f"{group} {number}", size=(300, 400)))
    web = work / "images/W22084-0886"
    (web / "08860003.jpg").write_bytes(jpeg("cut", size=(300, 400))[:900])
    (web / "08860005.jpg").write_bytes(jpeg("half", size=(150, 400)))
    (web / "08860007.jpg").write_bytes((web / "08860006.jpg").read_bytes())
    (web / "08860009.jpg").unlink()
    (web / f"{'བོད་ཡིག' * 9}<b>0013.jpg").write_bytes(jpeg("odd", size=(300, 400)))
    (work / "readme.txt").write_text("not here")
    (work / "sources").mkdir()
    (work / "sources" / ("very-long-name-without-a-place-to-break" * 5)).write_bytes(b"")
    target = work.parent / "report.html"
    write_html(run_audit(work), work, target, made=MADE)
    return target


class Seen:
    """A page that is open, with everything that it asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def findings(self) -> list[str]:
        """The findings that are seen, top down."""
        return self.page.locator("table.findings tbody tr:visible").all_inner_texts()


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def seen(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Seen]:
    """The report in a window of each width."""
    context = browser.new_context(viewport=request.param)
    seen = Seen(context.new_page())
    seen.page.goto(report.as_uri())
    yield seen
    context.close()


def test_it_asks_for_nothing_and_complains_of_nothing(seen: Seen, report: Path):
    seen.page.get_by_label("Text").fill("sequence")
    assert [url for url in seen.requests if not url.startswith("data:")] == [report.as_uri()]
    assert seen.complaints == []


def test_it_fits_the_window_and_every_picture_is_seen(seen: Seen, tmp_path: Path):
    width, room = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= room
    widths = seen.page.evaluate("Array.from(document.images, image => image.naturalWidth)")
    assert len(widths) > 10
    assert min(widths) > 0
    shot = seen.page.screenshot(path=tmp_path / f"report-{room}.png", full_page=True)
    assert len(shot) > 20_000


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_it_is_accessible(browser: Browser, report: Path, colours: str):
    for window in (PHONE, DESK):
        # The checker is a script of its own, which the page's policy would rightly refuse.
        context = browser.new_context(viewport=window, color_scheme=colours, bypass_csp=True)
        page = context.new_page()
        page.goto(report.as_uri())
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        context.close()


def test_a_column_sorts_the_findings_both_ways(browser: Browser, report: Path):
    page = browser.new_context(viewport=DESK).new_page()
    page.goto(report.as_uri())
    head = page.get_by_role("columnheader", name="Error", exact=True).last
    numbers = page.locator("table.findings tbody td[data-label=Error]")
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    upwards = [int(text) for text in numbers.all_inner_texts()]
    assert upwards == sorted(upwards)
    assert len(set(upwards)) > 5
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert [int(text) for text in numbers.all_inner_texts()] == sorted(upwards, reverse=True)
    assert page.locator("[aria-sort]").count() == 1


def test_findings_are_filtered_by_text_and_severity(seen: Seen):
    everything = seen.findings()
    seen.page.get_by_label("Text").fill("08860003.jpg")
    assert len(seen.findings()) == 1  # its neighbours' findings have it in a picture only
    seen.page.get_by_label("Text").fill("PAGE 0009")
    assert len(seen.findings()) == 2  # it is missing, and its master has no web image
    seen.page.get_by_label("Severity").select_option("warning")
    assert len(seen.findings()) == 1
    assert seen.page.get_by_role("status").inner_text() == f"1 of {len(everything)} shown"
    seen.page.get_by_label("Text").fill("")
    seen.page.get_by_label("Severity").select_option("")
    assert len(seen.findings()) == len(everything)


def test_the_buttons_to_sort_are_seen_at_any_width(seen: Seen):
    buttons = seen.page.locator("table.findings th button")
    assert buttons.count() == 5
    for button in buttons.all():
        box = button.bounding_box()
        assert box is not None
        assert box["width"] > 20
        button.click(timeout=2000)


def test_without_scripts_everything_is_there_all_the_same(browser: Browser, report: Path):
    page = browser.new_context(viewport=DESK, java_script_enabled=False).new_page()
    page.goto(report.as_uri())
    assert page.get_by_label("Text").is_hidden()
    assert page.locator("table.findings tbody tr:visible").count() > 5
