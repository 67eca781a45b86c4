"""The drop folder: what is taken from it, and what becomes of the files there."""

import os
import time
from pathlib import Path

import pytest
import structlog

from ao_workflows.catalog import Delivery, DeliveryState
from ao_workflows.errors import SystemFailed
from ao_workflows.staging.drop_folder import DroppedFile, look, rid_hint, tidy

NOTE = "W1AC6.zip.rejected.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "drop"
    path.mkdir()
    return path


def delivery_of(path: Path, state: DeliveryState, *, number: int = 7, reason: str = "It is no zip.") -> Delivery:
    """Return the delivery that the file at ``path`` is, in the given state."""
    arrival = DroppedFile(path, settled=True).arrival()
    return Delivery(
        id=number,
        kind="drop",
        bucket="",
        object_key=arrival.key,
        object_version=arrival.version,
        state=state,
        reason=reason if state == DeliveryState.REJECTED else "",
        action="Make it again." if state == DeliveryState.REJECTED else "",
    )


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path, *, settle_seconds: int = 0) -> list[str]:
    return [dropped.path.name for dropped in look(folder, settle_seconds=settle_seconds)]


def test_zips_are_found_in_name_order_whatever_their_case(folder):
    for name in ("W2.zip", "W1.ZIP", "W3.bag.zip"):
        (folder / name).touch()
    assert names(folder) == ["W1.ZIP", "W2.zip", "W3.bag.zip"]
    assert all(dropped.path.is_absolute() for dropped in look(folder, settle_seconds=0))


def test_what_is_hidden_or_no_zip_or_no_file_is_passed_over(folder, tmp_path):
    (folder / ".W1.zip").touch()
    (folder / ".W1.zip.x7Gh2").touch()
    (folder / "W1.zip.part").touch()
    (folder / NOTE).touch()
    (folder / "zip").touch()
    (folder / "W2.zip").mkdir()
    (tmp_path / "elsewhere.zip").touch()
    (folder / "W3.zip").symlink_to(tmp_path / "elsewhere.zip")
    (folder / "W4.zip").symlink_to("nowhere")
    os.mkfifo(folder / "W5.zip")
    (folder / "done").mkdir()
    (folder / "done" / "W6.zip").touch()
    assert names(folder) == []


def test_a_file_that_was_touched_just_now_is_not_settled(folder):
    (folder / "W1.zip").touch()
    (dropped,) = look(folder, settle_seconds=60)
    assert not dropped.settled


def test_a_copying_tool_that_sets_an_old_time_does_not_make_a_file_settled(folder):
    (folder / "W1.zip").touch()
    os.utime(folder / "W1.zip", (0, 0))
    (dropped,) = look(folder, settle_seconds=60)
    assert not dropped.settled


def test_a_file_that_nothing_touched_for_long_enough_is_settled(folder, monkeypatch):
    (folder / "W1.zip").touch()
    touched = (folder / "W1.zip").stat().st_ctime
    monkeypatch.setattr(time, "time", lambda: touched + 60)
    (dropped,) = look(folder, settle_seconds=60)
    assert dropped.settled
    monkeypatch.setattr(time, "time", lambda: touched + 59)
    (dropped,) = look(folder, settle_seconds=60)
    assert not dropped.settled


def test_a_file_that_is_taken_away_while_we_look_is_passed_over(folder):
    (folder / "W1.zip").touch()
    (folder / "W2.zip").touch()
    (folder / "W3.zip").touch()
    looking = look(folder, settle_seconds=0)
    assert next(looking).path.name == "W1.zip"
    (folder / "W2.zip").unlink()
    assert [dropped.path.name for dropped in looking] == ["W3.zip"]


@pytest.mark.parametrize("make", [lambda _: None, Path.touch])
def test_a_folder_that_cannot_be_read_is_told_with_the_next_step(folder, make):
    make(folder / "drop")
    with pytest.raises(SystemFailed) as caught:
        list(look(folder / "drop", settle_seconds=0))
    assert caught.value.code == "drop-folder-failed"
    assert str(folder / "drop") in caught.value.message
    assert caught.value.action


def test_an_arrival_names_the_file_its_size_and_its_work_and_changes_with_its_content(folder):
    path = folder / "W1AC6.bag.zip"
    path.write_text("one")
    first = DroppedFile(path, settled=True).arrival()
    assert (first.kind, first.bucket, first.key, first.size, first.rid) == ("drop", "", str(path), 3, "W1AC6")
    assert first.event_at is None
    assert DroppedFile(path, settled=True).arrival() == first
    path.unlink()
    path.write_text("two!")
    assert DroppedFile(path, settled=True).arrival().version != first.version


@pytest.mark.parametrize(
    ("name", "rid"), [("W22084.zip", "W22084"), ("a/b/W1FPL2251.bag.zip", "W1FPL2251"), ("scans.zip", ""), (".zip", "")]
)
def test_a_name_gives_a_rid_or_nothing(name, rid):
    assert rid_hint(name) == rid


def test_a_complete_delivery_is_put_aside_once(folder):
    path = folder / "W1AC6.zip"
    path.write_text("the zip")
    delivery = delivery_of(path, DeliveryState.COMPLETE)
    for _ in range(3):
        tidy(delivery)
        assert contents(folder) == {"done/W1AC6.zip": "the zip"}


def test_a_complete_delivery_that_was_rejected_before_loses_its_note(folder):
    path = folder / "W1AC6.zip"
    path.write_text("the zip")
    tidy(delivery_of(path, DeliveryState.REJECTED))
    assert set(contents(folder)) == {"W1AC6.zip", NOTE}
    tidy(delivery_of(path, DeliveryState.COMPLETE))
    assert contents(folder) == {"done/W1AC6.zip": "the zip"}


def test_nothing_that_was_put_aside_before_is_overwritten(folder):
    (folder / "done").mkdir()
    taken = {"done/W1AC6.zip": "first", "done/W1AC6.delivery-7.zip": "second"}
    for name, content in taken.items():
        (folder / name).write_text(content)
    (folder / "done" / "W1AC6.delivery-7-2.zip").symlink_to("nowhere")
    path = folder / "W1AC6.zip"
    path.write_text("third")
    tidy(delivery_of(path, DeliveryState.COMPLETE))
    assert contents(folder) == {**taken, "done/W1AC6.delivery-7-3.zip": "third"}
    assert (folder / "done" / "W1AC6.delivery-7-2.zip").is_symlink()


def test_a_name_that_is_taken_gets_the_number_of_the_delivery(folder):
    (folder / "done").mkdir()
    (folder / "done" / "W1AC6.bag.zip").write_text("first")
    path = folder / "W1AC6.bag.zip"
    path.write_text("second")
    tidy(delivery_of(path, DeliveryState.COMPLETE, number=12))
    assert contents(folder) == {"done/W1AC6.bag.zip": "first", "done/W1AC6.bag.delivery-12.zip": "second"}


@pytest.mark.parametrize("state", [DeliveryState.COMPLETE, DeliveryState.REJECTED])
def test_another_file_of_the_same_name_is_left_alone(folder, state):
    path = folder / "W1AC6.zip"
    path.write_text("old")
    delivery = delivery_of(path, state)
    path.unlink()
    path.write_text("new one")
    tidy(delivery)
    assert contents(folder) == {"W1AC6.zip": "new one"}


@pytest.mark.parametrize("state", [DeliveryState.COMPLETE, DeliveryState.REJECTED])
def test_a_file_that_somebody_took_away_leaves_nothing_to_do(folder, state):
    path = folder / "W1AC6.zip"
    path.write_text("x")
    delivery = delivery_of(path, state)
    path.unlink()
    tidy(delivery)
    assert list(folder.iterdir()) == []


def test_a_rejected_file_stays_with_a_note_that_says_why_and_what_to_do(folder):
    path = folder / "W1AC6.zip"
    path.write_text("the zip")
    delivery = delivery_of(path, DeliveryState.REJECTED)
    for _ in range(3):
        tidy(delivery)
        assert contents(folder) == {"W1AC6.zip": "the zip", NOTE: "It is no zip.\nMake it again.\n"}


def test_a_note_that_is_right_already_is_not_written_again(folder):
    path = folder / "W1AC6.zip"
    path.write_text("x")
    delivery = delivery_of(path, DeliveryState.REJECTED)
    tidy(delivery)
    before = (folder / NOTE).stat()
    tidy(delivery)
    assert (folder / NOTE).stat() == before


def test_a_new_reason_replaces_the_note_on_an_earlier_file(folder):
    path = folder / "W1AC6.zip"
    path.write_text("first")
    tidy(delivery_of(path, DeliveryState.REJECTED))
    path.unlink()
    path.write_text("second")
    tidy(delivery_of(path, DeliveryState.REJECTED, number=8, reason="A file is missing."))
    assert contents(folder)[NOTE].startswith("A file is missing.")


def test_a_note_does_not_follow_a_link_that_was_laid_in_its_place(folder, tmp_path):
    (tmp_path / "precious").write_text("precious")
    (folder / NOTE).symlink_to(tmp_path / "precious")
    (folder / f".{NOTE}.partial").symlink_to(tmp_path / "precious")
    path = folder / "W1AC6.zip"
    path.write_text("x")
    tidy(delivery_of(path, DeliveryState.REJECTED))
    assert (tmp_path / "precious").read_text() == "precious"
    assert (folder / NOTE).read_text().startswith("It is no zip.")
    assert not (folder / NOTE).is_symlink()


def test_a_reason_with_half_a_surrogate_pair_can_be_written(folder):
    path = folder / "W1AC6.zip"
    path.write_text("x")
    tidy(delivery_of(path, DeliveryState.REJECTED, reason="bad \udcff name"))
    assert contents(folder)[NOTE].startswith(r"bad \udcff name")


@pytest.mark.parametrize("state", [DeliveryState.WAITING, DeliveryState.ERROR, DeliveryState.RUNNING])
def test_a_delivery_that_is_not_closed_is_left_as_it_is(folder, state):
    path = folder / "W1AC6.zip"
    path.write_text("x")
    tidy(delivery_of(path, state))
    assert contents(folder) == {"W1AC6.zip": "x"}


def test_a_delivery_from_a_bucket_has_nothing_to_tidy(folder):
    (folder / "W1AC6.zip").write_text("x")
    tidy(Delivery(id=1, kind="s3", object_key=str(folder / "W1AC6.zip"), state=DeliveryState.COMPLETE))
    assert contents(folder) == {"W1AC6.zip": "x"}


def test_a_folder_that_cannot_be_tidied_is_told_in_the_log_and_stops_nothing(folder):
    (folder / "done").write_text("a file in the way")
    path = folder / "W1AC6.zip"
    path.write_text("x")
    with structlog.testing.capture_logs() as lines:
        tidy(delivery_of(path, DeliveryState.COMPLETE))
    (line,) = lines
    assert (line["log_level"], line["file"], line["error"]) == ("warning", str(path), "File exists")
    assert line["action"]
    assert contents(folder) == {"W1AC6.zip": "x", "done": "a file in the way"}


def test_a_note_that_cannot_be_laid_is_told_in_the_log_and_stops_nothing(folder):
    (folder / NOTE).mkdir()
    (folder / NOTE / "something").touch()
    path = folder / "W1AC6.zip"
    path.write_text("x")
    with structlog.testing.capture_logs() as lines:
        tidy(delivery_of(path, DeliveryState.REJECTED))
    assert [line["event"] for line in lines] == ["drop folder not tidied"]
    assert path.read_text() == "x"
