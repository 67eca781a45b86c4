"""What the site's program puts onto the web counts when the web has it, and the work stays unpublished until then."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.catalog import retry_delivery
from ao_workflows.errors import ExitCode
from fixtures.house import House, bag_zip, work_files
from fixtures.site import outcome

PAGE = "images/W22084-0001/00010002.jpg"
MANIFEST = "images/W22084-0001/dimensions.json"


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """The folder that readers get images from."""
    folder = tmp_path / "web"
    folder.mkdir()
    return folder


@pytest.fixture
def web_house(site_house: Callable[..., House], web: Path) -> Callable[..., House]:
    """Return a maker of houses whose program archives and publishes."""
    return lambda **others: site_house(others=f'web = {{ target = "{web}" }}', **others)


def deliver(house: House, files: dict[str, bytes]) -> ExitCode:
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": files}))
    return house.run().exit_code


def test_a_work_is_published_when_the_web_has_all_of_its_images(
    web_house: Callable[..., House], web: Path, record: Path
):
    house = web_house()
    assert deliver(house, work_files("W22084")) == ExitCode.DONE
    # The first two hexadecimal digits of the MD5 of "W22084" are 60.
    images = web / "Works" / "60" / "W22084" / "images"
    assert sorted(path.name for path in (images / "W22084-0001").iterdir()) == [
        *("00010001.jpg", "00010002.jpg", "00010003.jpg", "dimensions.json")
    ]
    (row,) = house.works()
    assert (row.state, row.web_address) == ("complete", f"{web}/Works/60/W22084/images/")
    assert outcome(house, "publish").detail["verified"] == 3
    assert (record / "arguments").read_text().split("\0")[1:3] == ["-w", f"{web}/Works"]


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ("web-forgets-a-page", [("web-object-missing", PAGE)]),
        ("web-flips-a-byte", [("web-object-differs", PAGE)]),
        ("web-names-no-page", [("web-manifest-wrong", MANIFEST)]),
    ],
)
def test_what_it_does_wrong_on_the_web_is_an_error_and_each_object_is_on_record(
    web_house: Callable[..., House], record: Path, wrong: str, found: list[tuple[str, str]]
):
    house = web_house()
    (record / "wrong").write_text(wrong)
    assert deliver(house, work_files("W22084")) == ExitCode.SYSTEM
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("error", "web-command-unproved")
    assert "syncOneWork.sh ended well, but" in row.reason
    assert str(house.root / "sync-logs") in row.action
    assert "prove_web" in row.action
    assert not row.web_address
    findings = outcome(house, "publish").detail["findings"]
    assert [(finding["code"], finding["path"]) for finding in findings] == found


def test_what_it_forgot_is_found_out_once_more_until_it_is_there(web_house: Callable[..., House], record: Path):
    house = web_house()
    (record / "wrong").write_text("web-forgets-all")
    deliver(house, work_files("W22084"))
    (row,) = house.works()
    assert "'images/W22084-0001/00010001.jpg' is missing on the web. 3 more objects are not right" in row.reason
    (record / "wrong").unlink()
    process = house.process()
    with process.catalog.transaction() as session:
        retry_delivery(session, row.delivery, actor="tester")
    process.catalog.close()
    assert house.run().exit_code == ExitCode.DONE
    assert house.states() == {"W22084": "complete"}


def test_a_program_that_publishes_elsewhere_is_believed_where_the_site_says_so(
    web_house: Callable[..., House], record: Path
):
    house = web_house(sync="prove_web = false")
    (record / "wrong").write_text("web-forgets-all")
    assert deliver(house, work_files("W22084")) == ExitCode.DONE
    assert "verified" not in outcome(house, "publish").detail


def test_where_the_web_is_not_to_be_refreshed_other_content_is_no_fault_and_a_missing_page_is(
    web_house: Callable[..., House], record: Path
):
    house = web_house()
    files = work_files("W22084") | {"config/sync.yml": b"sync: {update_web: false}\n"}
    (record / "wrong").write_text("web-flips-a-byte")
    assert deliver(house, files) == ExitCode.DONE
    detail = outcome(house, "publish").detail
    assert detail["there"] == 3
    assert "verified" not in detail
    (record / "wrong").write_text("web-forgets-a-page")
    house.send(bag_zip(house.root / "second.bag.zip", {"W22084": files}), key="second.bag.zip")
    assert house.run().exit_code == ExitCode.SYSTEM
    assert "web-command-unproved" in {row.reason_code for row in house.works()}
