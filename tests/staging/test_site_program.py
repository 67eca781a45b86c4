"""A program of the site: however it behaves, its output is kept, and nothing of it is left running."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from ao_workflows.errors import SystemFailed
from ao_workflows.staging.site_program import ProgramEnd, find_program, run_program

PATIENCE_SECONDS = 30


def run(folder: Path, script: str, *arguments: str, timeout: float = PATIENCE_SECONDS) -> ProgramEnd:
    return run_program(
        [sys.executable, "-c", script, *arguments],
        environment={"PATH": os.environ["PATH"]},
        folder=folder,
        log_file=folder / "log",
        timeout=timeout,
    )


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that only waits to be counted out does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pid: int) -> bool:
    """Tell whether a process that was killed is gone soon."""
    until = time.monotonic() + PATIENCE_SECONDS
    while is_running(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def number_in(path: Path) -> int:
    """Return the number that a program writes into a file, once it has."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if path.exists() and (text := path.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.05)
    raise AssertionError(f"nothing in {path}")


STUBBORN_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(600)"], stdout=subprocess.PIPE if len(sys.argv) > 1 else None)
if child.stdout:
    child.stdout.readline()
open("child.part", "w").write(f"{child.pid}\\n")
os.rename("child.part", "child")
"""


def test_each_line_of_both_outputs_is_in_the_log_and_in_the_file_as_it_comes(tmp_path):
    with capture_logs() as lines:
        end = run(
            tmp_path, "import os; os.write(1, b'one\\ntwo\\r\\n'); os.write(2, b'three\\n'); os.write(1, b'four')"
        )
    said = [line["line"] for line in lines if line["event"] == "site program says"]
    assert said == ["one", "two", "three", "four"]
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\nfour\n"
    assert end == ProgramEnd(0, ("one", "two", "three", "four"))


def test_what_stands_in_the_file_before_stays(tmp_path):
    (tmp_path / "log").write_text("by the program itself\n")
    run(tmp_path, "print('more')")
    assert (tmp_path / "log").read_text() == "by the program itself\nmore\n"


def test_control_characters_and_bytes_that_are_no_text_are_escaped(tmp_path):
    end = run(tmp_path, r"import os; os.write(1, b'\x1b[2Jred\xff\x00\n')")
    assert end.last_lines == (r"\x1b[2Jred\xff\x00",)
    assert (tmp_path / "log").read_bytes().isascii()


@pytest.mark.slow
def test_a_million_lines_come_through_and_take_no_memory(tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counted = Counter()
    with counted.counting():
        end = run(tmp_path, "for number in range(1_000_000): print(number)", timeout=240)
    assert end == ProgramEnd(0, ("999995", "999996", "999997", "999998", "999999"))
    assert counted.lines == 1_000_000
    with (tmp_path / "log").open() as file:
        assert sum(1 for _ in file) == 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KB


class Counter:
    """Counts log lines without keeping them."""

    lines = 0

    def counting(self):
        def count(_logger, _name, line):
            self.lines += line["event"] == "site program says"
            raise structlog.DropEvent

        return structlog.testing.capture_logs(processors=[count])


def test_ten_million_bytes_without_a_line_end_become_one_short_line(tmp_path):
    end = run(tmp_path, "import sys; sys.stdout.write('x' * 10_000_000)")
    assert end.last_lines == ("x" * 4096 + " … and 9995904 bytes more",)
    assert (tmp_path / "log").stat().st_size < 5000


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "log").mkdir()
    assert run(tmp_path, "print('done')") == ProgramEnd(0, ("done",))


@pytest.mark.parametrize(
    ("script", "code", "how"),
    [
        ("raise SystemExit(3)", 3, "ended with exit code 3. It said nothing."),
        (
            "import os; print('ouch', flush=True); os.kill(os.getpid(), 9)",
            -9,
            "was killed by signal 9. It said last: ouch",
        ),
    ],
)
def test_how_it_ended_is_told(tmp_path, script, code, how):
    end = run(tmp_path, script)
    assert (end.code, end.how) == (code, how)


def test_nobody_types_anything_for_it(tmp_path):
    assert run(tmp_path, "import sys; print(repr(sys.stdin.read()))").last_lines == ("''",)


def test_arguments_with_spaces_quotes_and_line_ends_are_not_split_again(tmp_path):
    odd = ["two words", 'a "quote', "$(reboot)", "line\nend", ""]
    assert run(tmp_path, "import sys; print(sys.argv[1:])", *odd).last_lines == (repr(odd),)


def test_its_environment_is_the_one_that_it_is_given_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("AO_CATALOG__PASSWORD", "hunter2")
    monkeypatch.setenv("SOMETHING", "else")
    end = run(tmp_path, "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))")
    assert end.last_lines == ("['PATH']",)


def test_one_that_hangs_is_ended_and_its_child_that_will_not_end_too(tmp_path):
    with pytest.raises(SystemFailed) as caught:
        run(tmp_path, STUBBORN_CHILD + "print('now I wait', flush=True)\ntime.sleep(600)", "wait", timeout=2)
    assert caught.value.code == "site-program-timed-out"
    assert "It said last: now I wait" in caught.value.message
    assert "timeout_minutes" in caught.value.action
    assert ends(number_in(tmp_path / "child"))


def test_what_it_leaves_in_the_background_is_ended_although_it_succeeded(tmp_path):
    started = time.monotonic()
    assert run(tmp_path, STUBBORN_CHILD).code == 0
    assert time.monotonic() - started < PATIENCE_SECONDS / 2
    assert ends(number_in(tmp_path / "child"))


def test_one_that_closes_its_output_and_goes_on_is_waited_for(tmp_path):
    script = "import os, time; os.close(1); os.close(2); time.sleep(1); open('late', 'w').close()"
    assert run(tmp_path, script).code == 0
    assert (tmp_path / "late").exists()


def test_outside_the_main_thread_it_is_run_as_well(tmp_path):
    ended = []
    thread = threading.Thread(target=lambda: ended.append(run(tmp_path, "print('there')")))
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert ended == [ProgramEnd(0, ("there",))]


CALLER = """
import signal, sys
from pathlib import Path
from ao_workflows.errors import SystemFailed
from ao_workflows.staging.site_program import run_program

def asked(number, frame):
    print("asked", number)
    if sys.argv[2] == "end":
        raise KeyboardInterrupt

signal.signal(signal.SIGTERM, asked)
folder = Path(sys.argv[1])
try:
    run_program([sys.executable, "-c", sys.argv[3], "wait"], environment={}, folder=folder,
                log_file=folder / "log", timeout=600)
except KeyboardInterrupt:
    print("interrupted")
except SystemFailed as error:
    print(error.code)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "caller", "told"),
    [
        (signal.SIGTERM, "end", "asked 15\ninterrupted\n"),
        # Airflow notes the signal, and lets the task go on.
        (signal.SIGTERM, "go on", "asked 15\nsite-program-stopped\n"),
        (signal.SIGINT, "end", "interrupted\n"),
    ],
)
def test_when_its_caller_is_asked_to_stop_all_of_it_is_ended_first(tmp_path, sent, caller, told):
    script = STUBBORN_CHILD + "time.sleep(600)"
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, tmp_path, caller, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        child = number_in(tmp_path / "child")
        assert is_running(child)
        started = time.monotonic()
        process.send_signal(sent)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert time.monotonic() - started < 5, "Airflow kills a task that takes longer"
    assert out.endswith(told)
    assert ends(child)


def test_a_program_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SystemFailed) as caught:
        find_program("syncOneWork.sh")
    assert caught.value.code == "site-program-missing"
    assert "'syncOneWork.sh' on PATH" in caught.value.message
    with pytest.raises(SystemFailed) as caught:
        find_program(f"{tmp_path}/syncOneWork.sh")
    assert caught.value.code == "site-program-missing"


def test_a_program_that_may_not_be_executed_is_told_by_name_and_by_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"/nowhere:{tmp_path}")
    program = tmp_path / "syncOneWork.sh"
    program.write_text("#!/bin/sh\n")
    for command in ("syncOneWork.sh", str(program)):
        with pytest.raises(SystemFailed) as caught:
            find_program(command)
        assert caught.value.code == "site-program-not-executable"
        assert str(program) in caught.value.message
    program.chmod(0o755)
    assert find_program("syncOneWork.sh") == find_program(str(program)) == program


def test_a_program_whose_interpreter_is_not_there_is_told(tmp_path):
    program = tmp_path / "syncOneWork.sh"
    program.write_text("#!/bin/sh\r\n")
    program.chmod(0o755)
    with pytest.raises(SystemFailed) as caught:
        run_program([program], environment={}, folder=tmp_path, log_file=tmp_path / "log", timeout=5)
    assert caught.value.code == "site-program-not-executable"
    assert "interpreter" in caught.value.action
