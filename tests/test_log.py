"""What a log line looks like, for a person and for a machine."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from ao_workflows.log import configure_logs, visible

HOSTILE = "a\x1b[31mred\x07\u202ebn.zip\udcff"
ESCAPED = r"a\x1b[31mred\x07\u202ebn.zip\udcff"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_lines_go_to_standard_error_only(capsys):
    configure_logs(style="text", level="info")
    structlog.get_logger().info("stage done", delivery=7)
    told = capsys.readouterr()
    assert told.out == ""
    assert "stage done" in told.err
    assert "delivery=7" in told.err


@pytest.fixture
def _in_nepal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_nepal")
def test_times_are_utc_wherever_the_machine_is_and_say_so(capsys):
    configure_logs(style="text", level="info")
    structlog.get_logger().info("x")
    told = capsys.readouterr().err.partition(" ")[0]
    assert told.endswith("Z")
    assert abs(datetime.fromisoformat(told) - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_machine_gets_one_json_document_a_line(capsys):
    configure_logs(style="json", level="info")
    with structlog.contextvars.bound_contextvars(delivery=7, rid="W22084"):
        structlog.get_logger().warning("stage waiting", code="waiting-for-disk")
    structlog.get_logger().info("second\nline")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "stage waiting",
        "level": "warning",
        "delivery": 7,
        "rid": "W22084",
        "code": "waiting-for-disk",
    }
    assert second["event"] == "second\nline"


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_left_out(capsys, level, written):
    configure_logs(style="json", level=level)
    log = structlog.get_logger()
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == written


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_hostile_name_cannot_command_the_terminal_or_forge_a_line(capsys, style):
    configure_logs(style=style, level="info")
    structlog.get_logger().info("source", name=HOSTILE, forged="x\n2026-01-01T00:00:00Z [info] all is well")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.rstrip("\n").isprintable()


def test_what_cannot_be_printed_is_escaped_and_the_rest_is_left():
    assert visible(HOSTILE) == ESCAPED
    assert visible("a\nb\tc") == r"a\nb\tc"
    assert visible("བོད་ཡིག་ [red] :key: ü.zip") == "བོད་ཡིག་ [red] :key: ü.zip"


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_traceback_tells_no_values_of_variables(capsys, style):
    configure_logs(style=style, level="info")
    secret = "".join(reversed("sierces-a-si-2retnuh"))
    try:
        [][len(secret)]
    except IndexError:
        structlog.get_logger().exception("fault")
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "IndexError" in told
    assert secret not in told


FIRST_LINE = """
import sys
from ao_workflows.log import configure_logs, get_logger
log = get_logger("any")
configure_logs(style="text", level="debug")
configure_logs(style="json", level="warning")
assert not hasattr(log, "__wrapped__")
assert "structlog" not in sys.modules
log.info("not severe enough")
log.warning("first")
log.error("second")
"""


def test_what_writes_lines_is_loaded_with_the_first_and_set_up_as_was_said_last():
    done = subprocess.run([sys.executable, "-c", FIRST_LINE], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["first", "second"]


def test_a_set_up_of_before_the_library_was_loaded_does_not_come_back():
    script = FIRST_LINE.replace('configure_logs(style="json"', 'import structlog\nconfigure_logs(style="json"')
    script = script.replace('assert "structlog" not in sys.modules\n', "")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["first", "second"]
