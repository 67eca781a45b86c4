"""``audit-tool``: its options, its log files and its exit codes are those that site scripts rely on."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ao_workflows import __version__
from ao_workflows.cli.audit_tool import main
from cli.conftest import Answer
from fixtures.house import work_files, write_files

Run = Callable[..., Answer]


@pytest.fixture
def audit_tool(in_process: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs ``audit-tool`` in this process, with a text on its standard input."""

    def run(*arguments: object, standard_input: str = "") -> Answer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(os.fsencode(standard_input)), encoding="utf-8"))
        return in_process(main, "audit-tool", *arguments)

    return run


def logs(place: Path, folder: str = "audit-test-logs") -> list[str]:
    return sorted(path.name.partition("-20")[0] for path in (place / folder).glob("*.csv"))


def test_each_work_gets_a_line_for_each_test_and_a_log_in_the_home_folder(audit_tool: Run, work, gap, place):
    answer = audit_tool(work, gap)
    assert answer.code == 1
    assert f"INFO  Passed\t{work}\tFile Sequence Test" in answer.out
    assert f"ERROR Failed\t{gap}\tFile Sequence Test" in answer.out
    assert logs(place) == ["FAIL-W1AC6", "PASS-W22084"]


def test_a_work_that_cannot_be_read_keeps_no_other_from_being_audited(audit_tool: Run, work, gap, place):
    answer = audit_tool("nowhere", work, gap)
    assert answer.code == 3
    assert "nowhere" in answer.err
    assert logs(place) == ["FAIL-W1AC6", "PASS-W22084"]


def test_warnings_leave_with_0(audit_tool: Run, gap, place):
    answer = audit_tool("-D", "ErrorsAsWarning=105,106,109", gap)
    assert answer.code == 0
    assert f"WARN  Warnings\t{gap}\tFile Sequence Test" in answer.out
    assert logs(place) == ["WARN-W1AC6"]


@pytest.mark.parametrize(
    "options",
    [
        ["-T", "NoFilesInFolder:FileSequence", "-T", "NoFoldersInImageGroups"],
        ["-TNoFilesInFolder,FileSequence", "--Tests", "NoFoldersInImageGroups:"],
        ["-T", "NoFilesInFolder", "-T", "FileSequence", "-T", "NoFoldersInImageGroups"],
    ],
)
def test_tests_are_chosen_by_lists_of_either_kind(audit_tool: Run, work, options: list[str]):
    answer = audit_tool(*options, work)
    assert [line.split("\t")[2] for line in answer.out.splitlines()] == [
        "No Files in Root Folder",
        "File Sequence Test",
        "No folders allowed in Image Group folders",
    ]


def test_a_path_that_is_no_utf_8_is_read_all_the_same(audit_tool: Run, place):
    odd = write_files(place / "\udcff" / "W22084", work_files("W22084"))
    assert audit_tool("-", "-T", "NoFilesInFolder", standard_input=f"{odd}\n").code == 0
    assert logs(place) == ["PASS-W22084"]


def test_works_come_from_standard_input_or_a_file_too(audit_tool: Run, work, gap, place):
    assert audit_tool("-", "-T", "NoFilesInFolder", standard_input=f"\n{work}\n  {gap}  \n").code == 0
    assert logs(place) == ["PASS-W1AC6", "PASS-W22084"]
    (place / "list").write_text(f"{gap}\r\n\n")
    assert audit_tool("-i", "list", "--log_home", "other/logs").code == 1
    assert logs(place, "other/logs") == ["FAIL-W1AC6"]


@pytest.mark.parametrize("arguments", [[], ["-"], ["-i", "/dev/null"], ["-T", "FileSequence"]])
def test_an_audit_of_nothing_is_wrong_usage(audit_tool: Run, arguments: list[str]):
    answer = audit_tool(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert "No work is named" in answer.err


def test_an_unknown_test_or_property_stops_before_anything_is_audited(audit_tool: Run, work, place):
    answer = audit_tool("-T", "FileSequence:FileSequense", work)
    assert (answer.code, answer.out) == (2, "")
    assert "Did you mean FileSequence?" in answer.err
    assert audit_tool("-D", "MaximumImageSize=3K", work).code == 2
    assert audit_tool("-T", ":", work).code == 2
    assert not (place / "audit-test-logs").exists()


def test_properties_come_from_the_users_file_and_the_command_line_wins(audit_tool: Run, work, place):
    properties = place / ".config/bdrc/auditTool/user.properties"
    properties.parent.mkdir(parents=True)
    properties.write_text("MaximumImageFileSize=1\nArchiveImageGroupParent=archive\n")
    assert audit_tool(work).code == 1
    assert audit_tool("-D", "MaximumImageFileSize=400K", work).code == 0
    assert audit_tool("-D", "MaximumImageFileSize=1:ErrorsAsWarning=112,119", work).code == 0
    (place / "other.properties").write_text("MaximumImageFileSize=400K\n")
    assert audit_tool("--Define", "UserConfigPath=other.properties", work).code == 0
    assert audit_tool("-D", "UserConfigPath=missing.properties", work).code == 2
    properties.write_text("ArchiveImageGroupParent=masters\n")
    answer = audit_tool(work)
    assert answer.code == 2
    assert "line 1: ArchiveImageGroupParent is always 'archive' here" in answer.err


def test_what_is_no_work_fails_and_what_is_not_there_is_a_system_failure(audit_tool: Run, work, place):
    (place / "W1").mkdir()
    assert audit_tool(place / "W1", work).code == 1
    assert logs(place) == ["FAIL-W1", "PASS-W22084"]
    assert audit_tool(place / "W2").code == 3
    assert audit_tool("-i", "nowhere").code == 3


def test_asking_for_tests_version_and_help_audits_nothing(audit_tool: Run, place):
    answer = audit_tool("-Q")
    assert answer.code == 0
    assert f"{'FileSequence':30}\tFile Sequence Test" in answer.out.splitlines()
    assert (audit_tool("-v").code, audit_tool("--version").out) == (0, f"Version {__version__}\n")
    assert "Example" in audit_tool("-h").out
    assert list(place.iterdir()) == []


def test_the_installed_program_is_the_same(work, place):
    program = Path(sys.executable).with_name("audit-tool")
    ended = subprocess.run([program, work], capture_output=True, check=False, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert logs(place) == ["PASS-W22084"]
