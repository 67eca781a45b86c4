"""What the doctor sees: each check good and bad, with a next step, and nothing changed by looking."""

import os
import sqlite3
import types
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.endpoint
import pytest

from ao_workflows.catalog import ObjectArrival, record_arrival
from ao_workflows.settings import Settings, WebSettings, settings_from_file
from ao_workflows.staging.doctor import Check, examine
from fixtures.faults import Fault, FaultyProxy

if TYPE_CHECKING:
    from fixtures.aws import MakeQueue
    from fixtures.house import House

MakeHouse = Callable[..., "House"]


@pytest.fixture
def changed(house: "House") -> Callable[[str, str], Settings]:
    """Return a function that replaces a part of the house's settings file, and reads it."""

    def change(old: str, new: str) -> Settings:
        text = house.config.read_text()
        assert old in text
        house.config.write_text(text.replace(old, new))
        return settings_from_file(house.config)

    return change


def checks(settings: Settings) -> dict[str, Check]:
    """Examine; every check that is not good must say what to do."""
    found = examine(settings)
    names = [check.name for check in found]
    assert len(set(names)) == len(names)
    for check in found:
        assert check.found
        assert bool(check.action) == (check.verdict != "good")
        assert check.action == "" or check.action.endswith(".")
    return {check.name: check for check in found}


def bad(settings: Settings) -> dict[str, Check]:
    return {name: check for name, check in checks(settings).items() if check.verdict != "good"}


def listing(root: Path) -> dict[str, tuple[object, ...]]:
    """Return everything below ``root`` by path, with its mode, and for a file its inode, size and last change."""
    found: dict[str, tuple[object, ...]] = {}
    for path in root.rglob("*"):
        if path.name.startswith("catalog.db"):
            continue  # SQLite moves committed pages between its files when it likes; see catalog_rows
        status = path.lstat()
        # While SQLite reads, it has two files beside the catalog; so a folder's own time says nothing.
        own = (status.st_ino, status.st_size, status.st_mtime_ns) if path.is_file() else ()
        found[str(path)] = (status.st_mode, *own)
    return found


def catalog_rows(house: "House") -> list[str]:
    with closing(sqlite3.connect(house.root / "catalog.db")) as connection:
        return list(connection.iterdump())


def test_in_a_house_in_order_everything_is_good(house):
    (house.root / "scratch").mkdir()
    found = checks(house.settings)
    assert {name for name, check in found.items() if check.verdict != "good"} == set()
    assert list(found) == [
        "catalog",
        "scratch",
        "scratch space",
        "archive Archive0",
        "archive Archive1",
        "archive Archive2",
        "archive Archive3",
        "drop folder",
        f"queue {house.queue}",
        f"queue {house.queue} dead letters",
        f"clock against queue {house.queue}",
        f"AWS identity for queue {house.queue}",
    ]
    assert found[f"AWS identity for queue {house.queue}"].found.startswith("arn:aws:")
    assert found["catalog"].found.startswith(f"sqlite:///{house.root}/catalog.db, revision ")
    assert f"user {os.geteuid()}" in found["archive Archive0"].found


def test_looking_changes_nothing(house):
    house.send_work("W22084")
    house.run()
    house.say("a message that stays")
    (house.root / "scratch").mkdir(exist_ok=True)
    before = listing(house.root), catalog_rows(house), house.messages()
    examine(house.settings)
    assert (listing(house.root), catalog_rows(house), house.messages()) == before


def test_looking_at_a_house_that_is_not_there_makes_nothing(tmp_path):
    settings = Settings.model_validate({"home": tmp_path / "home", "archive": {"root": tmp_path / "mnt"}})
    found = bad(settings)
    assert list(tmp_path.iterdir()) == []
    assert found["catalog"].verdict == "bad"
    assert found["catalog"].action == "Run `ao db upgrade`."
    assert found["archive Archive0"].verdict == "bad"
    assert found["intake"].verdict == "warning"


def test_a_scratch_folder_that_is_made_by_itself_need_not_be_there_yet(house):
    found = bad(house.settings)
    assert {name: check.verdict for name, check in found.items()} == {"scratch": "warning"}
    assert "Nothing to do" in found["scratch"].action


def test_a_scratch_folder_that_was_chosen_must_be_there(house, changed):
    check = bad(changed("scratch = {", f'scratch = {{ folder = "{house.root}/fast",'))["scratch"]
    assert check.verdict == "bad"
    assert f"{house.root}/fast: No such file or directory" in check.found
    assert "[scratch]" in check.action


def test_a_scratch_folder_that_cannot_be_written_is_told(changed):
    # Nobody, not even root, can make a file there.
    check = bad(changed("scratch = {", 'scratch = { folder = "/proc/self",'))["scratch"]
    assert check.verdict == "bad"
    assert "/proc/self: " in check.found
    assert f"user {os.geteuid()}" in check.found


def test_scratch_without_room_is_told_and_that_deliveries_wait(house, changed):
    (house.root / "scratch").mkdir()
    check = bad(changed("keep_free_bytes = 0", f"keep_free_bytes = {1 << 60}"))["scratch space"]
    assert check.verdict == "bad"
    assert "1.15 EB are kept free" in check.found
    assert "deliveries wait" in check.action


def test_a_missing_mount_is_told_by_its_name(house):
    (house.archive / "Archive2").rmdir()
    check = bad(house.settings)["archive Archive2"]
    assert check.verdict == "bad"
    assert f"{house.archive}/Archive2: No such file or directory" in check.found
    assert check.action.startswith("Mount Archive2 there")


def test_a_file_in_place_of_a_mount_is_told(house):
    (house.archive / "Archive0").rmdir()
    (house.archive / "Archive0").touch()
    assert "Not a directory" in bad(house.settings)["archive Archive0"].found


def test_an_archive_that_is_not_set_is_told_with_the_setting(changed, house):
    check = bad(changed(f'archive = {{ root = "{house.archive}" }}', ""))["archive"]
    assert check.verdict == "bad"
    assert "AO_ARCHIVE__ROOT" in check.action


def test_a_missing_drop_folder_is_told(house):
    house.drop_folder.rmdir()
    check = bad(house.settings)["drop folder"]
    assert check.verdict == "bad"
    assert "drop_folder in [intake]" in check.action


def test_a_catalog_without_tables_is_told(house):
    for path in house.root.glob("catalog.db*"):
        path.unlink()
    check = bad(house.settings)["catalog"]
    assert (check.verdict, check.action) == ("bad", "Run `ao db upgrade`.")
    assert list(house.root.glob("catalog.db*")) == []


def test_a_catalog_that_is_no_database_is_told_once(house):
    for path in house.root.glob("catalog.db*"):
        path.unlink()
    (house.root / "catalog.db").write_bytes(b"x" * 5000)
    found = bad(house.settings)
    assert set(found) == {"catalog", "scratch"}
    assert "not a database" in found["catalog"].found


def test_a_catalog_on_a_server_that_does_not_answer_is_told_without_its_password(changed, house):
    url = f"postgresql+psycopg://ao@/ao?host={house.root}"
    check = bad(changed("scratch = {", f'catalog = {{ url = "{url}", password = "hunter2" }}\nscratch = {{'))["catalog"]
    assert check.verdict == "bad"
    assert "hunter2" not in check.found + check.action


def test_messages_that_were_not_understood_are_told(house):
    house.say("hello")
    house.run()
    check = bad(house.settings)["messages"]
    assert check.verdict == "warning"
    assert check.found.startswith("1 ")
    assert "ao intake --problems" in check.action


def test_a_missing_queue_is_told_by_its_name(changed, house):
    check = bad(changed(f'"{house.queue}"', '"NlmReadyToIntake"'))["queue NlmReadyToIntake"]
    assert check.verdict == "bad"
    assert "There is no queue NlmReadyToIntake" in check.found


def test_a_queue_without_dead_letter_queue_is_a_warning(changed, house, make_queue: "MakeQueue"):
    name = make_queue(dead_letters=False).name
    check = bad(changed(f'"{house.queue}"', f'"{name}"'))[f"queue {name} dead letters"]
    assert check.verdict == "warning"
    assert "RedrivePolicy" in check.action


def test_messages_in_the_dead_letter_queue_are_a_warning(changed, house, sqs, make_queue: "MakeQueue"):
    queue = make_queue()
    sqs.send_message(QueueUrl=queue.dead_letter_url, MessageBody="x")
    check = bad(changed(f'"{house.queue}"', f'"{queue.name}"'))[f"queue {queue.name} dead letters"]
    assert check.verdict == "warning"
    assert check.found == f"1 messages in {queue.name}-dead"


def test_an_endpoint_that_does_not_answer_is_told_for_its_queue_and_the_rest_is_examined(changed, house, monkeypatch):
    # botocore's pauses between its attempts are its own affair.
    monkeypatch.setattr(botocore.endpoint, "time", types.SimpleNamespace(sleep=lambda _: None))
    endpoint = house.settings.aws.endpoint_url
    found = checks(changed(endpoint, "http://127.0.0.1:9"))
    check = found[f"queue {house.queue}"]
    assert check.verdict == "bad"
    assert "127.0.0.1:9" in check.found
    assert "endpoint_url" in check.action
    assert found["archive Archive3"].verdict == "good"


def test_an_endpoint_that_is_no_address_is_told(changed, house):
    endpoint = house.settings.aws.endpoint_url
    check = bad(changed(endpoint, "nonsense"))[f"queue {house.queue}"]
    assert check.verdict == "bad"


@pytest.mark.parametrize(
    ("date", "verdict"),
    [("Wed, 21 Oct 2015 07:28:00 GMT", "bad"), ("Wed, 21 Oct 2015 07:28:00 -0000", "bad"), ("yesterday", None)],
)
def test_a_clock_that_is_off_is_told_and_one_that_cannot_be_read_is_not(
    changed, house, faulty_s3: FaultyProxy, date, verdict
):
    settings = changed(house.settings.aws.endpoint_url, faulty_s3.url)
    faulty_s3.fail("POST", Fault(), Fault(headers={"Date": date, "date": date}))
    check = checks(settings).get(f"clock against queue {house.queue}")
    assert (check and check.verdict) == verdict
    assert check is None or "NTP" in check.action


def test_each_bucket_that_deliveries_came_from_is_examined(house):
    house.send_work("W22084")
    house.run()
    with house.process().catalog.transaction() as session:
        arrival = ObjectArrival(kind="s3", bucket="a-gone-bucket", key="k", version="v", event_name="ObjectCreated:Put")
        record_arrival(session, arrival)
    found = checks(house.settings)
    assert found["bucket a-gone-bucket"].verdict == "bad"
    assert found["bucket a-gone-bucket"].found == "There is no bucket a-gone-bucket."
    assert found[f"bucket {house.bucket}"].verdict == "good"


def test_programs_of_the_site_are_looked_for_where_they_do_the_work(changed, house):
    good = house.root / "syncOneWork.sh"
    good.write_text("#!/bin/sh\n")
    good.chmod(0o755)
    plain = house.root / "plain"
    plain.write_text("#!/bin/sh\n")
    found = checks(
        changed(
            "scratch = {",
            f"""\
sync = {{ backend = "command", command = "{good}" }}
audit = {{ backend = "command", command = "{plain}" }}
scratch = {{""",
        )
    )
    assert (found["sync program"].verdict, found["sync program"].found) == ("good", str(good))
    assert found["audit program"].verdict == "bad"
    assert f"{plain} is not executable" in found["audit program"].found


def test_a_program_of_the_site_that_is_not_there_is_told(changed):
    check = bad(changed("scratch = {", 'sync = { backend = "command" }\nscratch = {'))["sync program"]
    assert check.verdict == "bad"
    assert check.found == "There is no program 'syncOneWork.sh' on PATH."
    assert "command in ao.toml" in check.action


def test_where_images_go_is_looked_at_when_they_go_anywhere(house, make_bucket, tmp_path):
    assert "web" not in checks(house.settings)
    bucket = make_bucket()
    found = checks(with_web(house, f"s3://{bucket}/library"))["web"]
    assert (found.verdict, found.found) == ("good", f"s3://{bucket}/library is there")
    assert "no-such-bucket" in bad(with_web(house, "s3://no-such-bucket"))["web"].found
    assert "nowhere" in bad(with_web(house, f"{tmp_path}/nowhere"))["web"].found


def with_web(house, target: str) -> Settings:
    return house.settings.model_copy(update={"web": WebSettings(target=target)})


def test_a_group_that_is_not_there_and_wrong_rules_of_the_site_are_told(house, tmp_path):
    (tmp_path / "site.yml").write_text("sync: {wbe: true}\n")
    archive = house.settings.archive.model_copy(update={"group": "no-such-group"})
    sync = house.settings.sync.model_copy(update={"config": tmp_path / "site.yml"})
    found = bad(house.settings.model_copy(update={"archive": archive, "sync": sync}))
    assert "no-such-group" in found["archive group"].found
    assert "site.yml is wrong. Line 1" in found["sync rules"].found
