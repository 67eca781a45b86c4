"""The parsers on anything at all: an error of ours or a result, never a crash."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ao_workflows.bags import BagRejected, read_plan, unpack, verify
from ao_workflows.bags.bagit.paths import decode_path, encode_path, leaves_bag
from ao_workflows.bags.zip.extra import parse_extra
from ao_workflows.bags.zip.times import dos_fields, modified_ns, time_extra
from ao_workflows.storage import open_local_source
from bags.corpus import Item, bag_of, build_zip

BAG = bag_of({"images/a": b"page" * 50, "images/b": b""}, info="Payload-Oxum: 200.2\n", tag_manifests=["sha512"])
GOOD = build_zip(
    [Item(f"W1AC6.bag/{path}".encode(), content, method=8 * (len(path) % 2)) for path, content in BAG.items()],
    zip64=True,
)


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("%25")
@example("%0A%0d\r\n%2525")
def test_paths_come_back_from_a_manifest(path: str):
    assert decode_path(encode_path(path)) == path
    assert "\n" not in encode_path(path)
    assert "\r" not in encode_path(path)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="%")))
def test_paths_without_percent_are_the_same_in_all_versions(path: str):
    assert encode_path(path, percent=False) == encode_path(path)
    assert decode_path(encode_path(path), percent=False) == path


def test_the_encoding_is_that_of_the_specification():
    assert encode_path("a%b\nc\rd") == "a%25b%0Ac%0Dd"
    assert decode_path("a%25b%0ac%0Dd%20") == "a%b\nc\rd%20"


@given(st.text())
def test_a_path_that_stays_in_the_bag_stays_in_the_folder(path: str):
    if not leaves_bag(path):
        assert Path("/bag", path).is_relative_to("/bag")
        assert ".." not in Path(path).parts


@given(st.integers(-(1 << 62), 1 << 62))
def test_times_are_kept_to_100_nanoseconds(time_ns: int):
    extra = parse_extra(time_extra(time_ns))
    kept = modified_ns(0, 0, extra) if extra else time_ns
    assert 0 <= time_ns - kept < 100 or not extra or time_ns < -11_644_473_600_000_000_000


@given(st.integers(-(1 << 62), 1 << 62))
def test_dos_times_are_always_within_what_dos_knows(time_ns: int):
    year, month, day, hour, minute, second = dos_fields(time_ns)
    assert 1980 <= year <= 2107
    assert 1 <= month <= 12
    assert 1 <= day <= 31
    assert (0 <= hour < 24, 0 <= minute < 60, 0 <= second < 60) == (True, True, True)


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_damaged_zip_is_taken_only_if_its_content_is_right(data: st.DataObject):
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "x.zip")
        path.write_bytes(content)
        source = open_local_source(path)
        report = verify(source)
        scratch = Path(place, "scratch")
        if not report.valid:
            with pytest.raises(BagRejected) as rejected:
                unpack(read_plan(source), scratch)
            assert rejected.value.report == report
            assert not scratch.exists() or not list(scratch.iterdir())
        else:
            for work in unpack(read_plan(source), scratch).works:
                assert (work.path / "images/a").read_bytes() == b"page" * 50 or not report.bags
        assert {child.name for child in Path(place).iterdir()} <= {"x.zip", "scratch"}


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_anything_in_a_tag_file_is_reported_and_not_a_crash(content: bytes):
    with tempfile.TemporaryDirectory() as place:
        for name in ("bagit.txt", "bag-info.txt", "manifest-sha512.txt", "tagmanifest-sha512.txt", "fetch.txt"):
            path = Path(place, f"{name}.zip")
            files = BAG | {name: content}
            path.write_bytes(build_zip([Item(f"W1AC6.bag/{file}".encode(), text) for file, text in files.items()]))
            report = verify(open_local_source(path))
            assert report.as_dict()["bags"][0]["name"] == "W1AC6.bag"
