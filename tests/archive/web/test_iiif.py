"""The IIIF manifest: by the specification (Presentation API 3.0), and by a reader that others have written."""

import fcntl
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ao_workflows.archive import WebOptions
from ao_workflows.archive.web import PageImage, WebFile, WebVolume, iiif_manifest, publish
from ao_workflows.storage import LocalWebStore
from ao_workflows.works import Rid

ROOT = Path(__file__).parents[3]
READER = ROOT / ".venv-iiif" / "bin" / "python"
"""A Python with iiif-prezi3, which is made from the schema of the specification; it wants an older Pillow than ours."""

ADDRESS = "https://images.example.org/library/Works/60/W22084/manifest.json"
IMAGES = "https://images.example.org/library/Works/60/W22084/images"

Publish = Callable[[str], tuple[int, dict[str, Any]]]
"""Publishes with the base address that it is given."""


def page(filename: str, **others: Any) -> PageImage:
    return PageImage(
        **{"format": "JPEG", "width": 1200, "height": 300, "dpi": 300, "size": 9} | others, filename=filename
    )


VOLUMES = {
    "W22084-0887": [page("08870001.tif", format="TIFF", width=40)],
    "W22084-0886": [page("08860002.jpg"), page("08860001.jpg", width=1100)],
}


def manifest(volumes: dict[str, list[PageImage]]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(iiif_manifest("W22084", volumes, address=ADDRESS, images=IMAGES))
    return found


def test_it_is_a_manifest_of_the_work_at_its_address():
    found = manifest(VOLUMES)
    assert found["@context"] == "http://iiif.io/api/presentation/3/context.json"
    assert (found["id"], found["type"], found["label"]) == (ADDRESS, "Manifest", {"none": ["W22084"]})


def test_the_pages_are_canvases_in_the_order_of_groups_and_file_names():
    canvases = manifest(VOLUMES)["items"]
    assert [canvas["label"]["none"] for canvas in canvases] == [["08860001.jpg"], ["08860002.jpg"], ["08870001.tif"]]
    assert [(canvas["width"], canvas["height"]) for canvas in canvases] == [(1100, 300), (1200, 300), (40, 300)]
    assert len({canvas["id"] for canvas in canvases}) == 3


def test_each_image_is_named_where_it_is_published_and_painted_on_its_canvas():
    canvas = manifest(VOLUMES)["items"][2]
    (annotation_page,) = canvas["items"]
    (annotation,) = annotation_page["items"]
    assert (annotation_page["type"], annotation["type"]) == ("AnnotationPage", "Annotation")
    assert (annotation["motivation"], annotation["target"]) == ("painting", canvas["id"])
    assert annotation["body"] == {
        "id": f"{IMAGES}/W22084-0887/08870001.tif",
        "type": "Image",
        "format": "image/tiff",
        "width": 40,
        "height": 300,
    }


def test_each_image_group_is_a_range_of_its_canvases():
    found = manifest(VOLUMES)
    first, second = found["structures"]
    canvases = [canvas["id"] for canvas in found["items"]]
    assert (first["type"], first["label"]) == ("Range", {"none": ["W22084-0886"]})
    assert [item["id"] for item in first["items"]] == canvases[:2]
    assert [item["id"] for item in second["items"]] == canvases[2:]


def test_odd_names_become_addresses():
    body = manifest({"W22084-0886": [page("a b#?\u0f40%.jpg")]})["items"][0]["items"][0]["items"][0]["body"]
    # RFC 3986, section 2.1: octets of UTF-8 (here E0 BD 80 for the letter) as percent and two hexadecimal digits.
    assert body["id"] == f"{IMAGES}/W22084-0886/a%20b%23%3F%E0%BD%80%25.jpg"


@pytest.fixture
def published(tmp_path: Path) -> Publish:
    """Publish one page below ``library/``, as a target with that prefix does; return how much was sent, and what."""
    (tmp_path / "08860001.jpg").write_bytes(b"123456789")
    (tmp_path / "web").mkdir()
    work = [WebVolume("W22084-0886", (WebFile(page("08860001.jpg"), tmp_path / "08860001.jpg"),))]

    def run(base: str) -> tuple[int, dict[str, Any]]:
        options = WebOptions(prefix="library/", iiif_base=base)
        result = publish(Rid("W22084"), work, LocalWebStore(tmp_path / "web"), address="web", options=options)
        written = (tmp_path / "web" / "library/Works/60/W22084/manifest.json").read_bytes()
        return result.sent, json.loads(written)

    return run


def test_it_is_sent_beside_the_images_and_only_when_it_changed(published: Publish):
    assert [published("https://images.example.org/library")[0] for _ in range(2)] == [3, 0]


@pytest.mark.parametrize("base", ["https://images.example.org/library/", "https://images.example.org"])
def test_addresses_are_the_base_that_stands_for_the_target_and_the_place_below_it(published: Publish, base: str):
    _, written = published(base)
    (canvas,) = written["items"]
    place = f"{base.rstrip('/')}/Works/60/W22084"
    assert written["id"] == f"{place}/manifest.json"
    assert canvas["items"][0]["items"][0]["body"]["id"] == f"{place}/images/W22084-0886/08860001.jpg"


@pytest.fixture(scope="session")
def reader() -> Path:
    """Set up the reader's environment, once, whoever of several test processes comes first."""
    with (ROOT / ".venv-iiif.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (READER.parent.parent / ".ready").is_file():
            subprocess.run([ROOT / "tools" / "setup", ".venv-iiif", "iiif"], check=True)
    return READER


def read_by(reader: Path, document: bytes) -> subprocess.CompletedProcess[bytes]:
    program = "import sys, iiif_prezi3; iiif_prezi3.Manifest.model_validate_json(sys.stdin.buffer.read())"
    return subprocess.run([reader, "-c", program], input=document, capture_output=True, check=False, timeout=60)


def test_a_reader_made_from_the_schema_of_the_specification_takes_it(reader: Path):
    document = iiif_manifest("W22084", VOLUMES, address=ADDRESS, images=IMAGES)
    done = read_by(reader, document)
    assert done.returncode == 0, done.stderr.decode()


def test_and_would_not_take_anything(reader: Path):
    document = iiif_manifest("W22084", VOLUMES, address=ADDRESS, images=IMAGES)
    for right, wrong in (
        (b'"height":300', b'"height":"tall"'),
        (b'"type":"Manifest"', b'"type":"Book"'),
        (b'"behavior":["paged"]', b'"behavior":["upside-down"]'),
    ):
        assert right in document
        assert read_by(reader, document.replace(right, wrong)).returncode != 0
