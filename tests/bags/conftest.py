from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows.bags import BagRejected, SourceReport, read_plan, unpack, verify
from ao_workflows.storage import open_local_source
from bags.corpus import Item, bag_of, build_zip

PAYLOAD = {
    "images/W22084-0001/00010001.jpg": b"first page" * 5000,
    "images/W22084-0001/00010002.jpg": b"second page",
    "archive/W22084-0001/00010001.tif": bytes(range(256)) * 3000,
    "sources/\u0f40\u0f0b\xe9.txt": b"",
}


@pytest.fixture
def payload() -> dict[str, bytes]:
    return dict(PAYLOAD)


@pytest.fixture
def bag_items() -> list[Item]:
    """A small valid bag, to which one thing is then done."""
    files = bag_of({"images/W22084-0001/00010001.jpg": b"page", "images/W22084-0001/00010002.jpg": b"other page"})
    return [Item(f"W22084.bag/{path}".encode(), content) for path, content in files.items()]


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., set[str]]:
    """Unpack a zip that must be refused; return the codes of all its errors. Nothing may be left of it."""

    def check(content: bytes) -> set[str]:
        zipped = tmp_path / "refused.zip"
        zipped.write_bytes(content)
        scratch = tmp_path / "somewhere" / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        before = sorted(tmp_path.rglob("*"))
        source = open_local_source(zipped)
        with pytest.raises(BagRejected) as rejected:
            unpack(read_plan(source), scratch)
        assert sorted(tmp_path.rglob("*")) == before
        assert rejected.value.findings
        assert rejected.value.action
        report = verify(source)
        assert not report.valid
        assert report.all_errors == rejected.value.findings
        return {finding.code for finding in rejected.value.findings}

    return check


@pytest.fixture
def accepted(tmp_path: Path) -> Callable[..., tuple[Path, SourceReport]]:
    """Unpack a zip that must be taken; return where to, and the report. Verifying it says the same."""

    def check(content: bytes, name: str = "W22084.bag.zip") -> tuple[Path, SourceReport]:
        zipped = tmp_path / name
        zipped.write_bytes(content)
        source = open_local_source(zipped)
        scratch = tmp_path / "scratch"
        result = unpack(read_plan(source), scratch)
        assert not list(scratch.glob(".*"))
        assert verify(source).as_dict() == result.report.as_dict()
        return scratch, result.report

    return check


@pytest.fixture
def built(bag_items: list[Item]) -> Callable[..., bytes]:
    """The small bag with more entries, and whatever else is wrong."""

    def build(*more: Item, **options: object) -> bytes:
        return build_zip([*bag_items, *more], **options)

    return build
