import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.errors import SystemFailed
from ao_workflows.inventory import FileRecord, Inventory, read_inventory, write_inventory

PAGE = FileRecord("images/W1-0886/08860001.tif", 71234, "ab" * 64, 1_700_000_000_123_456_789)
# Names as os.listdir gives them: any character but NUL, and bytes that are no UTF-8 as lone surrogates.
paths = st.binary(min_size=1, max_size=30).map(os.fsdecode).filter(lambda path: "\0" not in path)
records = st.builds(
    FileRecord,
    path=paths,
    size=st.integers(0, 2**63),
    sha512=st.text("0123456789abcdef", min_size=128, max_size=128),
    modified_ns=st.integers(-(2**63), 2**63),
)


def test_an_inventory_is_one_json_object_a_line(tmp_path: Path):
    write_inventory(tmp_path / "inventory", [PAGE])
    assert (tmp_path / "inventory").read_text() == (
        '{"path": "images/W1-0886/08860001.tif", "size": 71234, '
        f'"sha512": "{"ab" * 64}", "modified_ns": 1700000000123456789}}\n'
    )


def test_records_are_written_in_path_order(tmp_path: Path):
    unordered = [FileRecord(path, 1, "", 0) for path in ("b", "a/b", "B", "a")]
    write_inventory(tmp_path / "inventory", iter(unordered))
    assert [record.path for record in read_inventory(tmp_path / "inventory")] == ["B", "a", "a/b", "b"]


@given(records=st.lists(records, max_size=5))
def test_what_was_written_is_read_back_whatever_the_names(tmp_path_factory: pytest.TempPathFactory, records: list):
    target = tmp_path_factory.mktemp("inventory") / "inventory"
    write_inventory(target, records)
    assert read_inventory(target) == sorted(records)


@given(records=st.lists(records, max_size=5, unique_by=lambda record: record.path))
def test_an_inventory_in_memory_gives_back_what_was_added_by_path(records: list):
    added = [each._replace(size=each.size % 2**63, modified_ns=each.modified_ns % 2**63) for each in records]
    inventory, other = Inventory(), Inventory()
    for each in added:
        inventory.add(each.path, each.size, bytes.fromhex(each.sha512), each.modified_ns)
    assert list(inventory) == sorted(added)
    assert (len(inventory), inventory.bytes) == (len(added), sum(each.size for each in added))
    assert sorted(inventory.paths) == sorted(each.path for each in added)
    for each in reversed(added):
        other.add(each.path, each.size, bytes.fromhex(each.sha512), each.modified_ns)
    assert inventory == other
    other.add("one more", 1, bytes(64), 0)
    assert inventory != other


def test_writing_again_replaces_the_inventory_and_leaves_nothing_beside_it(tmp_path: Path):
    write_inventory(tmp_path / "inventory", [PAGE])
    write_inventory(tmp_path / "inventory", [])
    assert read_inventory(tmp_path / "inventory") == []
    assert os.listdir(tmp_path) == ["inventory"]


def test_a_failure_while_records_are_made_leaves_the_old_inventory(tmp_path: Path):
    write_inventory(tmp_path / "inventory", [PAGE])

    def interrupted():
        yield FileRecord("other", 1, "", 0)
        raise SystemFailed("the disk is gone")

    with pytest.raises(SystemFailed, match="the disk is gone"):
        write_inventory(tmp_path / "inventory", interrupted())
    assert read_inventory(tmp_path / "inventory") == [PAGE]


def test_a_place_that_cannot_be_written_is_a_failure_that_names_it(tmp_path: Path):
    with pytest.raises(SystemFailed, match="missing/inventory: No such file") as failure:
        write_inventory(tmp_path / "missing" / "inventory", [PAGE])
    assert failure.value.action


def test_a_link_under_the_temporary_name_is_not_written_through(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".inventory.part").symlink_to(victim)
    write_inventory(tmp_path / "folder" / "inventory", [PAGE])
    assert victim.read_bytes() == b"precious"
    assert os.listdir(tmp_path / "folder") == ["inventory"]
    assert read_inventory(tmp_path / "folder" / "inventory") == [PAGE]


def test_a_missing_inventory_is_a_failure_that_names_it(tmp_path: Path):
    with pytest.raises(SystemFailed, match="inventory: No such file"):
        read_inventory(tmp_path / "inventory")


@pytest.mark.parametrize(
    "content",
    [
        b'{"path": "a", "size": 1, "sha512": "ab", "modif',
        b"\n",
        b"[]\n",
        b'{"path": "a", "size": 1, "sha512": "ab"}\n',
        b'{"path": "a", "size": "1", "sha512": "ab", "modified_ns": 0}\n',
        b'{"path": 7, "size": 1, "sha512": "ab", "modified_ns": 0}\n',
        b"\xff\xfe",
        bytes(4096),
        b"[" * 100_000,
        b'{"path": "a", "size": ' + b"9" * 5000 + b', "sha512": "ab", "modified_ns": 0}\n',
    ],
)
def test_a_damaged_inventory_is_named_and_not_used(tmp_path: Path, content: bytes):
    (tmp_path / "inventory").write_bytes(content)
    with pytest.raises(SystemFailed, match="inventory is damaged") as failure:
        read_inventory(tmp_path / "inventory")
    assert failure.value.code == "inventory-damaged"
    assert str(failure.value).isprintable()
