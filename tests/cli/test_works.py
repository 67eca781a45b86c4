"""``ao works``, ``ao intake``, ``ao run``, ``ao db``, ``ao config`` and ``ao doctor`` on a small house."""

import json
from typing import TYPE_CHECKING

import pytest

from fixtures.house import bag_zip, work_files

if TYPE_CHECKING:
    from fixtures.house import House

ROW_KEYS = {
    "rid",
    "state",
    "reason",
    "waiting_for",
    "delivery",
    "updated",
    "action",
    "archive_path",
    "source",
    "findings",
}
DAMAGED = "images/W1AC6-0001/00010002.jpg"


@pytest.fixture
def at_home(house: "House", monkeypatch: pytest.MonkeyPatch) -> "House":
    """Let ``ao`` find the house."""
    monkeypatch.setenv("AO_CONFIG", str(house.config))
    return house


@pytest.fixture
def done(at_home: "House") -> "House":
    """Have one work in the archive and one rejected."""
    at_home.send_work("W22084")
    at_home.send_work("W1AC6", damage=DAMAGED)
    at_home.run()
    return at_home


@pytest.mark.usefixtures("at_home")
def test_an_empty_catalog_has_no_works(ao):
    answer = ao("works", "list", "--json")
    assert (answer.code, answer.json, answer.err) == (0, {"works": [], "total": 0}, "")


def test_works_are_listed_with_their_states_and_reasons(ao, done):
    answer = ao("works", "list", "--json")
    assert answer.code == 0
    assert answer.json["total"] == 2
    rows = {row["rid"]: row for row in answer.json["works"]}
    assert all(set(row) >= ROW_KEYS for row in rows.values())
    assert rows["W22084"]["state"] == "complete"
    assert rows["W22084"]["archive_path"] == str(done.archive / "Archive3" / "84" / "W22084")
    assert rows["W1AC6"]["state"] == "rejected"
    assert DAMAGED in rows["W1AC6"]["reason"]
    assert rows["W1AC6"]["findings"][0]["expected"] != rows["W1AC6"]["findings"][0]["found"]
    assert rows["W1AC6"]["updated"].endswith("+00:00")


@pytest.mark.usefixtures("done")
def test_works_are_chosen_by_state(ao):
    answer = ao("works", "list", "--state", "rejected", "--state", "error", "--json")
    assert [row["rid"] for row in answer.json["works"]] == ["W1AC6"]
    assert ao("works", "list", "--state", "waiting", "--json").json["total"] == 0


def test_a_person_gets_a_table_of_works(ao, done):
    answer = ao("works", "list")
    assert (answer.code, answer.err) == (0, "")
    assert "W22084" in answer.out
    assert f"{done.archive}/Archive3/84/W22084" in answer.out.replace("\n", "")


@pytest.mark.usefixtures("done")
def test_a_work_is_shown_with_its_history(ao):
    answer = ao("works", "show", "W1AC6", "--json")
    assert answer.code == 0
    assert set(answer.json) >= {"delivery", "source", "state", "works", "events"}
    assert answer.json["state"] == "rejected"
    types = [event["type"] for event in answer.json["events"]]
    assert types[0] == "received"
    assert types[-1] == "concluded"
    assert all(set(event) == {"at", "actor", "type", "outcome", "work", "detail"} for event in answer.json["events"])


@pytest.mark.usefixtures("done")
def test_a_person_is_shown_why_a_work_was_rejected_and_what_to_do(ao):
    answer = ao("works", "show", "W1AC6")
    assert answer.code == 0
    assert "checksum-mismatch" in answer.out
    assert "expected " in answer.out
    assert "found    " in answer.out
    assert "Next step: " in answer.out
    assert "concluded" in answer.out


@pytest.mark.usefixtures("done")
def test_a_delivery_is_shown_by_its_number(ao):
    number = ao("works", "show", "W22084", "--json").json["delivery"]
    assert ao("works", "show", number, "--json").json["works"][0]["rid"] == "W22084"


@pytest.mark.parametrize("name", ["W404", "404", "[red]", "a\x1b[31m"])
@pytest.mark.usefixtures("at_home")
def test_an_unknown_work_is_wrong_usage(ao, name):
    answer = ao("works", "show", name, "--json")
    assert answer.code == 2
    assert "ao works list" in answer.json["error"]["action"]
    assert "\x1b" not in answer.err


@pytest.mark.usefixtures("done")
def test_a_rejected_delivery_is_tried_again_on_request_and_a_complete_one_is_not(ao):
    number = ao("works", "show", "W1AC6", "--json").json["delivery"]
    answer = ao("works", "retry", number, "--json")
    assert (answer.code, answer.json) == (0, {"delivery": number, "state": "received"})
    assert ao("works", "list", "--state", "rejected", "--json").json["total"] == 0
    answer = ao("works", "retry", ao("works", "show", "W22084", "--json").json["delivery"], "--json")
    assert answer.code == 2
    assert "nothing to try again" in answer.json["error"]["message"]
    assert ao("works", "retry", 404).code == 2


def test_intake_puts_on_record_what_has_arrived_and_lets_go_of_the_messages(ao, at_home):
    at_home.send(bag_zip(at_home.root / "W22084.bag.zip", {"W22084": work_files("W22084")}))
    at_home.say("hello")
    answer = ao("intake", "--json")
    assert answer.code == 0
    assert answer.json | {"new_deliveries": []} == {
        # The bucket's own test event is the third.
        "messages": 3,
        "new_deliveries": [],
        "not_understood": 1,
        "settling": 0,
        "failures": [],
    }
    assert len(answer.json["new_deliveries"]) == 1
    assert at_home.messages() == 0
    assert ao("intake", "--json").json["new_deliveries"] == []


def test_messages_that_were_not_understood_can_be_read_whole(ao, at_home):
    body = "hello [red]x[/red] :key: " + "y" * 300
    at_home.say(body)
    ao("intake")
    answer = ao("intake", "--problems", "--json")
    assert answer.code == 0
    (message,) = answer.json["messages"]
    assert set(message) == {"queue", "message_id", "received", "problem", "body"}
    assert (message["queue"], message["body"]) == (at_home.queue, body)
    assert "not JSON" in message["problem"]
    told = ao("intake", "--problems")
    assert body in told.err


@pytest.mark.usefixtures("at_home")
def test_when_all_was_understood_intake_says_so(ao):
    assert ao("intake", "--problems", "--json").json == {"messages": []}
    assert "All messages were understood." in ao("intake", "--problems").err


def test_a_source_that_cannot_be_looked_at_is_exit_code_3_and_the_others_are_looked_at(ao, at_home):
    at_home.drop_folder.rmdir()
    at_home.say("hello")
    answer = ao("intake", "--json")
    assert answer.code == 3
    assert (answer.json["messages"], len(answer.json["failures"])) == (2, 1)
    assert answer.json["failures"][0]["code"] == "drop-folder-failed"


@pytest.mark.usefixtures("at_home")
def test_a_run_on_an_empty_catalog_does_nothing(ao):
    answer = ao("run", "--once", "--json")
    assert (answer.code, answer.json) == (0, {"works": [], "total": 0})
    assert "Nothing was due." in ao("run", "--once").out


def test_a_run_takes_what_is_due_all_the_way_and_its_exit_code_tells_the_worst(ao, at_home):
    at_home.send_work("W22084")
    answer = ao("run", "--once", "--json")
    assert answer.code == 0
    assert [(row["rid"], row["state"]) for row in answer.json["works"]] == [("W22084", "complete")]
    at_home.send_work("W1AC6", damage=DAMAGED)
    answer = ao("run", "--once", "--json")
    assert answer.code == 1
    assert [(row["rid"], row["state"]) for row in answer.json["works"]] == [("W1AC6", "rejected")]
    (at_home.archive / "Archive3").rename(at_home.archive / "unmounted")
    at_home.send_work("W33384")
    answer = ao("run", "--once", "--json")
    assert answer.code == 3
    assert [(row["rid"], row["state"]) for row in answer.json["works"]] == [("W33384", "error")]


def test_the_catalog_is_made_once_and_checked(ao, place):
    answer = ao("db", "upgrade", "--json")
    assert answer.code == 0
    assert (answer.json["before"], bool(answer.json["after"])) == (None, True)
    again = ao("db", "upgrade", "--json")
    assert again.json["before"] == again.json["after"] == answer.json["after"]
    assert "is up to date" in ao("db", "upgrade").err
    answer = ao("db", "check", "--json")
    assert answer.json == {"catalog": again.json["catalog"], "revision": again.json["after"], "good": True}
    assert (place / ".local/share/ao-workflows/catalog.db").is_file()


def test_a_catalog_in_a_place_that_cannot_be_is_exit_code_3(ao, place, monkeypatch):
    (place / "file").touch()
    monkeypatch.setenv("AO_HOME", str(place / "file" / "home"))
    answer = ao("db", "upgrade", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (3, "catalog-unavailable")


def test_the_settings_are_shown_with_their_origins_and_without_secrets(ao, monkeypatch, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ao_catalog__password").write_text("hunter2")
    monkeypatch.setenv("AO_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("AO_CATALOG__URL", "postgresql+psycopg://ao@db/ao")
    monkeypatch.setenv("AO_INTAKE__QUEUES", '[{"name": "q"}]')
    monkeypatch.setenv("AO_ARCHIVE__ROOT", "/mnt/[red]x")
    answer = ao("config", "show", "--json")
    assert answer.code == 0
    rows = {row["key"]: row for row in answer.json["settings"]}
    assert all(set(row) == {"key", "value", "origin"} for row in rows.values())
    assert rows["catalog.password"]["value"] == "********"
    assert rows["catalog.url"]["value"] == "postgresql+psycopg://ao@db/ao"
    assert rows["intake.queues"] == {
        "key": "intake.queues",
        "value": [{"name": "q"}],
        "origin": "environment AO_INTAKE__QUEUES",
    }
    assert rows["process.max_active"] == {"key": "process.max_active", "value": 4, "origin": "default"}
    assert rows["audit.errors_as_warning"]["value"] == []
    told = ao("config", "show")
    assert "/mnt/[red]x" in told.out
    for text in (answer.out, answer.err, told.out, told.err, ao("db", "check", "--json").out):
        assert "hunter2" not in text


def test_long_values_are_shown_whole(ao, monkeypatch):
    monkeypatch.setenv("AO_ARCHIVE__ROOT", "/mnt/" + "x" * 300)
    assert ao("config", "show").out.count("x") >= 300


@pytest.mark.usefixtures("at_home")
def test_the_doctor_finds_a_house_in_order(ao):
    answer = ao("doctor", "--json")
    assert answer.code == 0
    assert {check["verdict"] for check in answer.json["checks"]} <= {"good", "warning"}
    assert all(set(check) == {"name", "verdict", "found", "action"} for check in answer.json["checks"])
    assert answer.err == ""


def test_the_doctor_says_how_to_mend_what_is_wrong(ao, at_home):
    (at_home.archive / "Archive2").rmdir()
    answer = ao("doctor")
    assert answer.code == 3
    told = " ".join(answer.out.split())
    assert "archive Archive2" in told
    assert "→ Mount Archive2 there" in told
    assert ao("doctor", "--json").code == 3


@pytest.mark.usefixtures("done")
def test_a_house_may_be_asked_with_the_installed_program(installed_ao):
    answer = installed_ao("works", "list", "--json")
    assert answer.code == 0
    assert {row["rid"]: row["state"] for row in answer.json["works"]} == {"W22084": "complete", "W1AC6": "rejected"}
    assert json.loads(answer.out) == answer.json


def test_names_that_nobody_understands_never_reach_the_terminal_raw(ao, at_home):
    name = "[red]\x1b[31m:key:\u202ezip.zip"
    (at_home.drop_folder / name).write_bytes(b"this is no zip")
    escaped = r"[red]\x1b[31m:key:\u202ezip.zip"
    run = ao("run", "--once")
    assert run.code == 1
    tables = [run, ao("works", "list"), ao("works", "show", "1")]
    for answer in tables:
        assert escaped in answer.out.replace("\n", "").replace(" ", "") + answer.err
        for text in (answer.out, answer.err):
            assert all(each.isprintable() for each in text.replace("\n", ""))
    document = ao("works", "list", "--json").json
    assert document["works"][0]["source"] == str(at_home.drop_folder / name)


def test_hostile_names_in_a_work_are_shown_whole_and_harmless(ao, place):
    for folder in ("images/W1AC6-0001", "archive/W1AC6-0001"):
        (place / "W1AC6" / folder).mkdir(parents=True)
    (place / "W1AC6" / "[red]\x1b[2Jx:key:.jpg").write_bytes(b"x")
    (place / "W1AC6" / "images" / "W1AC6-0001" / "[red]\x1b[2Jy:key:").mkdir()
    answer = ao("audit", "W1AC6")
    assert answer.code == 1
    assert "\x1b" not in answer.out + answer.err
    assert r"[red]\x1b[2Jx:key:.jpg" in answer.out
    assert r"[red]\x1b[2Jy:key:" in answer.out


def test_a_folder_named_like_markup_is_shown_as_it_is(ao, place):
    folder = place / "[red]W1"
    (folder / "images" / "W1-0001").mkdir(parents=True)
    assert "[red]W1: " in ao("audit", folder).out
