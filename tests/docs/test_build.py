"""The documentation as it is built: complete, without warnings, and readable without a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

LOADED = re.compile(r"""<(?:link|script|img|iframe|source)\b[^>]*?\b(?:href|src)=["']([^"']+)""")


@pytest.fixture(scope="module")
def pages(docs, tmp_path_factory) -> dict[str, str]:
    """Return every page, built, by its name."""
    target = tmp_path_factory.mktemp("html")
    strict = ["--quiet", "--fail-on-warning", "--keep-going"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *strict, "-d", target / "doctrees", "-b", "html", docs, target / "html"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    html = target / "html"
    return {str(path.relative_to(html)): path.read_text(encoding="utf-8") for path in html.rglob("*.html")}


def test_the_pages_are_built_without_a_warning(pages):
    for name in ("index", "quickstart", "how-it-works", "troubleshooting", "changelog", "reference/command-line"):
        assert f"{name}.html" in pages


def test_the_pages_load_nothing_from_elsewhere(pages):
    for name, page in pages.items():
        elsewhere = [place for place in LOADED.findall(page) if re.match(r"(https?:)?//", place)]
        assert not elsewhere, name


def test_the_reference_is_rendered_from_the_program(pages):
    assert "ao works retry" in pages["reference/command-line.html"]
    assert "AO_PROCESS__LEASE_MINUTES" in pages["reference/settings.html"]
    assert "NoFoldersInImageGroups" in pages["reference/command-line.html"]


def test_the_picture_is_part_of_its_page_and_can_stand_alone(docs, pages):
    picture = Path(docs, "_static", "flow.svg").read_text(encoding="utf-8")
    assert "<title" in picture
    assert picture in pages["how-it-works.html"]
