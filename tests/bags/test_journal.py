"""The journal of what was verified: it spares a restart the reading, and never vouches for what may be lost."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from ao_workflows.bags import delivery, journal, read_plan, unpack
from ao_workflows.bags.journal import Journal, kept_up
from ao_workflows.inventory import FileRecord, Inventory
from ao_workflows.storage import open_local_source
from bags.corpus import tree, zip_files

PAGES = {f"images/{number}": os.urandom(100_000) for number in range(8)}


def record_of(folder: Path, place: str) -> FileRecord:
    state = (folder / place).stat()
    return FileRecord(place, state.st_size, "ab" * 64, state.st_mtime_ns)


def note(inventory: Inventory, record: FileRecord) -> None:
    inventory.add(record.path, record.size, bytes.fromhex(record.sha512), record.modified_ns)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a page and an odd name in it."""
    content = tmp_path / "content"
    content.mkdir()
    (content / "page").write_bytes(b"a page")
    Path(os.fsdecode(os.fsencode(content) + b"/\xff")).write_bytes(b"no UTF-8")
    return content


@pytest.fixture
def entered(tmp_path: Path, folder: Path) -> Iterator[Journal]:
    """A journal, written and opened again, that knows both files."""
    with closing(Journal(tmp_path / "journal.db", folder)) as first:
        first.add(record_of(folder, place) for place in ("page", "\udcff"))
    with closing(Journal(tmp_path / "journal.db", folder)) as again:
        yield again


def test_a_journal_knows_what_was_entered(entered: Journal, folder: Path):
    assert entered.find("page") == record_of(folder, "page")
    assert entered.find("\udcff") == record_of(folder, "\udcff")
    assert entered.find("another") is None


def with_other_bytes(page: Path) -> None:
    """Change the content; size and modification time stay."""
    state = page.stat()
    time.sleep(0.02)  # the kernel's clock for files ticks every few milliseconds
    page.write_bytes(b"A PAGE")
    os.utime(page, ns=(state.st_mtime_ns, state.st_mtime_ns))


def with_a_link(page: Path) -> None:
    page.rename(page.with_name("elsewhere"))
    page.symlink_to("elsewhere")


@pytest.mark.parametrize(
    "touch",
    [with_other_bytes, with_a_link, Path.unlink, lambda page: page.write_bytes(b"longer than it was")],
    ids=["other-bytes", "link", "gone", "longer"],
)
def test_a_file_that_was_touched_since_is_not_vouched_for(
    entered: Journal, folder: Path, touch: Callable[[Path], object]
):
    touch(folder / "page")
    assert entered.find("page") is None


def test_a_file_is_entered_after_a_flush_that_began_when_it_was_complete(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    inventory = Inventory()
    note(inventory, record_of(folder, "page"))
    flushes = []
    flushed_once, flushed_twice = threading.Event(), threading.Event()

    def flush() -> None:
        flushes.append([file for file in ("page", "\udcff") if opened.find(file)])
        if len(flushes) == 1:
            note(inventory, record_of(folder, "\udcff"))  # comes while the disk is busy
            flushed_once.set()
        else:
            flushed_twice.set()

    monkeypatch.setattr(journal, "flushed", lambda _: nullcontext(flush))
    monkeypatch.setattr(journal, "SECONDS", 0.01)
    with closing(Journal(tmp_path / "journal.db", folder)) as opened:
        with kept_up([(opened, inventory)], folder):
            assert flushed_once.wait(30)
            assert flushed_twice.wait(30)
            deadline = time.monotonic() + 30
            while opened.find("\udcff") is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        assert flushes == [[], ["page"]]


def test_nothing_is_entered_when_the_disk_fails(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    inventory = Inventory()
    note(inventory, record_of(folder, "page"))
    failed = threading.Event()

    def flush() -> None:
        failed.set()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal, "flushed", lambda _: nullcontext(flush))
    monkeypatch.setattr(journal, "SECONDS", 0.01)
    with closing(Journal(tmp_path / "journal.db", folder)) as opened:
        with kept_up([(opened, inventory)], folder):
            assert failed.wait(30)
        assert opened.find("page") is None


def test_nobody_waits_for_a_flush_that_is_under_way(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    inventory = Inventory()
    note(inventory, record_of(folder, "page"))
    begun, end = threading.Event(), threading.Event()

    @contextmanager
    def flushed(_: Path) -> Iterator[Callable[[], None]]:
        yield flush
        ended.set()

    def flush() -> None:
        begun.set()
        end.wait(30)

    ended = threading.Event()
    monkeypatch.setattr(journal, "flushed", flushed)
    monkeypatch.setattr(journal, "SECONDS", 0.01)
    with closing(Journal(tmp_path / "journal.db", folder)) as opened:
        with kept_up([(opened, inventory)], folder):
            assert begun.wait(30)
        assert not ended.is_set()
        end.set()
        assert ended.wait(30)
        assert opened.find("page") is None


def test_the_disk_is_let_go_of_before_the_unpacking_ends(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch):
    opened_it, let_go = threading.Event(), threading.Event()

    @contextmanager
    def flushed(_: Path) -> Iterator[Callable[[], None]]:
        opened_it.set()
        yield lambda: None
        time.sleep(0.05)
        let_go.set()

    monkeypatch.setattr(journal, "flushed", flushed)
    with closing(Journal(tmp_path / "journal.db", folder)) as opened:
        with kept_up([(opened, Inventory())], folder):
            assert opened_it.wait(30)
        assert let_go.is_set()


class Enough(Exception):
    """Stands in for a kill where the test has to go on."""


@pytest.fixture
def half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A zip of a plain work, four files of which are unpacked and in the journal; and where they are."""
    zipped = zip_files(tmp_path / "W22084.zip", PAGES, "W22084/")
    entered = threading.Event()
    add = Journal.add

    def tell(self: Journal, records: Iterator[FileRecord]) -> None:
        known = list(records)
        add(self, known)
        counted.extend(known)
        if len(counted) == 4:
            entered.set()

    done = []
    counted: list[FileRecord] = []

    def stop(size: int) -> None:
        done.append(size)
        if sum(done) > 400_000:
            assert entered.wait(60)
            raise Enough

    with monkeypatch.context() as patch:
        patch.setattr(journal, "SECONDS", 0.01)
        patch.setattr(Journal, "add", tell)
        with pytest.raises(Enough):
            unpack(read_plan(open_local_source(zipped)), tmp_path / "scratch", progress=stop, threads=1)
    return zipped, tmp_path / "scratch"


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read on the disk, from now on."""
    names: list[str] = []
    content_of = delivery.content_of

    def watched(path: str | Path) -> Iterator[bytes]:
        names.append(Path(path).name)
        return content_of(path)

    monkeypatch.setattr(delivery, "content_of", watched)
    return names


def test_a_restart_reads_nothing_again_that_the_journal_knows(half: tuple[Path, Path], read_again: list[str]):
    zipped, scratch = half
    (work,) = unpack(read_plan(open_local_source(zipped)), scratch).works
    assert read_again == []
    assert {path: tree(work.path)[path] for path in PAGES} == PAGES
    assert [path.name for path in scratch.iterdir()] == ["W22084"]


def test_a_restart_has_the_same_inventory(half: tuple[Path, Path], tmp_path: Path):
    zipped, scratch = half
    (restarted,) = unpack(read_plan(open_local_source(zipped)), scratch).works
    (at_once,) = unpack(read_plan(open_local_source(zipped)), tmp_path / "another").works
    assert [record for record in restarted.inventory if record.path in PAGES] == [
        record for record in at_once.inventory if record.path in PAGES
    ]


def test_a_damaged_journal_is_worth_nothing_and_costs_nothing(half: tuple[Path, Path], read_again: list[str]):
    zipped, scratch = half
    (scratch / ".W22084.partial/journal.db").write_bytes(os.urandom(5000))
    (work,) = unpack(read_plan(open_local_source(zipped)), scratch).works
    assert sorted(read_again) == ["0", "1", "2", "3"]
    assert {path: tree(work.path)[path] for path in PAGES} == PAGES


def test_a_link_in_the_place_of_the_journal_is_not_followed(half: tuple[Path, Path], tmp_path: Path):
    zipped, scratch = half
    secret = tmp_path / "secret"
    secret.write_bytes(b"")
    (scratch / ".W22084.partial/journal.db").unlink()
    (scratch / ".W22084.partial/journal.db").symlink_to(secret)
    assert unpack(read_plan(open_local_source(zipped)), scratch).report.valid
    assert secret.read_bytes() == b""
