"""What scripts depend on: help, one JSON document on standard output, the exit codes."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from ao_workflows.cli.lazy import commands_in
from ao_workflows.cli.main import app

from .conftest import PROGRAM

GROUPS = {"bag", "works", "db", "config"}
STREAMS = {("platform", "logs")}
"""Commands that print what others write, for as long as they write."""

WITHOUT_ARGUMENTS = {
    ("works", "list"),
    ("db", "upgrade"),
    ("db", "check"),
    ("config", "show"),
    ("intake",),
    ("doctor",),
}


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command there is, by its words."""
    for name, command in commands_in(group or typer.main.get_command(app)).items():
        if commands_in(command):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = sorted(words for words, _ in commands())


def test_these_commands_are_there():
    assert {" ".join(words) for words in ALL} >= {
        "audit",
        "bag create",
        "bag unpack",
        "bag verify",
        "config show",
        "db check",
        "db upgrade",
        "doctor",
        "intake",
        "run",
        "sync",
        "works list",
        "works retry",
        "works show",
    }


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example_where_it_takes_arguments(ao, words):
    answer = ao(*words, "--help")
    assert answer.code == 0
    assert answer.err == ""
    assert ("--json" in answer.out) == (words not in STREAMS)
    if words not in WITHOUT_ARGUMENTS:
        assert f"Example: ao {' '.join(words)}" in " ".join(answer.out.split())


@pytest.mark.parametrize("words", [(), *((group,) for group in sorted(GROUPS))])
def test_without_a_command_the_help_is_printed_and_the_exit_code_is_that_of_wrong_usage(ao, words):
    answer = ao(*words)
    assert answer.code == 2
    assert "Usage: ao" in answer.out
    assert "error" not in answer.err


@pytest.mark.parametrize(("words", "meant"), [(("bga",), "bag"), (("bag", "unpak"), "unpack")])
def test_a_command_that_is_misspelt_is_answered_with_the_nearest(ao, words, meant):
    answer = ao(*words)
    assert answer.code == 2
    assert f"Did you mean '{meant}'?" in answer.err


def test_the_program_says_its_version_and_its_exit_codes(installed_ao):
    answer = installed_ao("--version")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("ao ")
    answer = installed_ao("--help")
    assert answer.code == 0
    assert "Exit codes: 0 done, 1 the content was rejected, 2 wrong usage, 3 the system failed." in " ".join(
        answer.out.split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["works", "lst"], "Did you mean 'list'?"),
        (["bag", "verify"], "Missing argument 'SOURCE'"),
        (["bag", "verify", "x.zip", "--jsn"], "No such option: --jsn"),
        (["bag", "unpack", "x.zip"], "Missing argument 'DEST'"),
        (["bag", "create", "W1AC6"], "name at least one work, and the zip to make"),
        (["audit"], "Missing argument 'WORK...'"),
        (["works", "retry", "seven"], "'delivery'"),
        (["audit", "W1AC6", "-T", "FileSequnce"], "'FileSequnce' is not an audit test"),
        (["audit", "W1AC6", "-D", "ErrorsAsWarning"], "sets no audit property"),
        (["bag", "verify", "s3://bucket-without-key"], "not an address of an object"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_a_message_and_a_next_step(ao, arguments, message):
    answer = ao(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert message in answer.err
    assert "next step: " in answer.err
    answer = ao(*arguments, "--json")
    assert answer.code == 2
    assert message in answer.json["error"]["message"]
    assert answer.json["error"]["action"]
    assert answer.json["error"]["code"]


def test_wrong_settings_are_exit_code_2_and_json_on_request(installed_ao):
    answer = installed_ao("works", "list", "--json", AO_AWS__REGOIN="x")
    assert answer.code == 2
    assert answer.json["error"]["code"] == "config-invalid"
    assert "AO_AWS__REGION" in answer.json["error"]["message"]
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["works", "list"],
        ["works", "show", "W1AC6"],
        ["works", "retry", "1"],
        ["intake"],
        ["run", "--once"],
        ["db", "check"],
    ],
)
def test_without_a_catalog_the_next_step_is_to_make_one(ao, place, arguments):
    answer = ao(*arguments, "--json")
    assert answer.code == 3
    assert answer.json["error"]["code"] == "catalog-not-migrated"
    assert answer.json["error"]["action"] == "Run `ao db upgrade`."
    assert "next step: Run `ao db upgrade`." in answer.err
    assert list(place.iterdir()) == []


def test_logs_go_to_standard_error_and_may_be_json(installed_ao, place):
    installed_ao("db", "upgrade")
    (place / "drop").mkdir()
    (place / "drop" / "W1AC6.zip").write_bytes(b"no zip")
    answer = installed_ao(
        "run",
        "--once",
        "--json",
        AO_LOG__FORMAT="json",
        AO_INTAKE__DROP_FOLDER="drop",
        AO_INTAKE__SETTLE_SECONDS="0",
        AO_SCRATCH__KEEP_FREE_BYTES="0",
    )
    assert answer.code == 1
    assert [work["state"] for work in answer.json["works"]] == ["rejected"]
    events = [json.loads(line) for line in answer.err.splitlines()]
    assert "delivery rejected" in {event["event"] for event in events}
    assert all(event["timestamp"].endswith("Z") for event in events)


def test_output_that_nobody_reads_is_not_taken_for_rejected_content(installed_ao):
    installed_ao("db", "upgrade")
    with subprocess.Popen(
        [PROGRAM, "works", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.close()
        _, told = child.communicate()
    assert child.returncode == 128 + 13
    assert b"Traceback" not in told


def test_a_terminal_without_unicode_gets_names_escaped(installed_ao):
    answer = installed_ao("config", "show", PYTHONIOENCODING="ascii", AO_ARCHIVE__ROOT="/mnt/བོད")
    assert answer.code == 0
    assert r"/mnt/\u0f56\u0f7c\u0f51" in answer.out


def test_a_fault_of_ours_is_no_verdict_on_the_content(ao):
    answer = ao("bag", "verify", "s3://bucket/\udcff", "--json")
    assert answer.code == 3
    assert answer.json["error"]["code"] == "internal-error"
    assert "UnicodeEncodeError" in answer.json["error"]["message"]
    assert "Traceback" in answer.err
