"""``ao audit`` and ``ao sync``."""

import getpass
import os

import pytest

from fixtures.house import work_files, write_files


def test_a_work_that_keeps_the_rules_passes(ao, work):
    answer = ao("audit", work, "--json")
    assert answer.code == 0
    (told,) = answer.json["works"]
    assert set(told) == {"rid", "outcome", "tests", "findings"}
    assert (told["rid"], told["outcome"], told["findings"]) == ("W22084", "passed", [])
    assert {"test": "FileSequence", "outcome": "passed"} in told["tests"]
    assert answer.err == ""


def test_a_gap_fails_with_a_finding_and_exit_code_1(ao, work, gap):
    answer = ao("audit", work, gap, "--json")
    assert answer.code == 1
    assert [told["outcome"] for told in answer.json["works"]] == ["passed", "failed"]
    finding = answer.json["works"][1]["findings"][0]
    assert set(finding) == {"test", "error", "severity", "path", "message"}
    assert (finding["test"], finding["severity"]) == ("FileSequence", "error")


def test_errors_made_warnings_by_an_option_or_by_the_settings_pass(ao, gap, monkeypatch):
    answer = ao("audit", gap, "-D", "ErrorsAsWarning=105,106,109", "--json")
    assert (answer.code, answer.json["works"][0]["outcome"]) == (0, "warnings")
    monkeypatch.setenv("AO_AUDIT__ERRORS_AS_WARNING", "[105, 106, 109]")
    answer = ao("audit", gap, "--json")
    assert (answer.code, answer.json["works"][0]["outcome"]) == (0, "warnings")


def test_only_the_tests_that_are_named_run(ao, gap, monkeypatch):
    answer = ao("audit", gap, "-T", "NoFilesInFolder", "--json")
    assert (answer.code, [told["test"] for told in answer.json["works"][0]["tests"]]) == (0, ["NoFilesInFolder"])
    monkeypatch.setenv("AO_AUDIT__TESTS", '["NoFilesInFolder"]')
    assert ao("audit", gap).code == 0
    assert ao("audit", gap, "-T", "FileSequence").code == 1


def test_a_person_gets_the_tests_and_the_findings_on_standard_output(ao, gap):
    answer = ao("audit", gap)
    assert (answer.code, answer.err) == (1, "")
    assert "W1AC6: failed" in answer.out
    assert "FileSequence" in answer.out
    assert "error 105 FileSequence images/W1AC6-0001" in answer.out
    assert "archive/W1AC6-0001: 1 finding\n" in answer.out.replace(" \n", "\n")


def test_what_is_no_work_is_rejected_and_what_is_not_there_is_a_system_failure(ao, place):
    (place / "W1").mkdir()
    answer = ao("audit", "W1", "--json")
    assert (answer.code, answer.json["works"][0]["outcome"]) == (1, "failed")
    answer = ao("audit", "W2", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (3, "folder-unreadable")


def test_a_work_that_cannot_be_read_keeps_no_other_from_being_audited(ao, work, gap):
    answer = ao("audit", "W2", work, "W3", gap, "--json")
    assert answer.code == 3
    assert [told["rid"] for told in answer.json["works"]] == ["W22084", "W1AC6"]
    assert [(told["work"], told["code"]) for told in answer.json["errors"]] == [
        ("W2", "folder-unreadable"),
        ("W3", "folder-unreadable"),
    ]
    assert answer.err.count("folder-unreadable") == 2


def test_a_work_is_synced_to_its_place_and_again_changes_nothing(ao, work, mounts):
    answer = ao("sync", work, "--archive", mounts, "--json")
    assert answer.code == 0
    size = sum(map(len, work_files("W22084").values()))
    assert (
        answer.json.items()
        >= {
            "rid": "W22084",
            "archive_path": str(mounts / "Archive3" / "84" / "W22084"),
            "added": 6,
            "replaced": 0,
            "removed": 0,
            "unchanged": 0,
            "bytes": size,
            "verified": 6,
        }.items()
    )
    for path, content in work_files("W22084").items():
        assert (mounts / "Archive3" / "84" / "W22084" / path).read_bytes() == content
    again = ao("sync", work, "--archive", mounts, "--json")
    assert (again.code, again.json["added"], again.json["unchanged"], again.json["bytes"]) == (0, 0, 6, 0)


def test_the_archive_may_be_named_by_the_settings(ao, work, mounts, monkeypatch):
    monkeypatch.setenv("AO_ARCHIVE__ROOT", str(mounts))
    answer = ao("sync", work)
    assert (answer.code, answer.out) == (0, "")
    assert f"W22084 is in {mounts}/Archive3/84/W22084: 6 files added" in answer.err


def test_without_an_archive_nothing_is_synced(ao, work):
    answer = ao("sync", work, "--json")
    assert (answer.code, answer.json["error"]["code"]) == (2, "archive-root-unset")


def test_sync_audits_only_when_it_is_asked_to(ao, gap, mounts):
    answer = ao("sync", gap, "--archive", mounts, "--audit", "--json")
    assert (answer.code, answer.json["error"]["code"]) == (1, "audit-failed")
    assert answer.json["error"]["findings"][0]["code"] == "audit-105"
    assert list((mounts / "Archive0").iterdir()) == []
    assert ao("sync", gap, "--archive", mounts).code == 0


@pytest.mark.parametrize(
    ("work_name", "root", "code"),
    [("W404", "mnt", 2), ("file", "mnt", 2), ("no rid", "mnt", 1), ("W22084", "nowhere", 3)],
)
@pytest.mark.usefixtures("work")
def test_what_cannot_be_synced_is_told(ao, mounts, place, work_name, root, code):
    (place / "no rid").mkdir()
    (place / "file").touch()
    answer = ao("sync", work_name, "--archive", root, "--json")
    assert answer.code == code
    assert answer.json["error"]["action"]
    assert not any(path.is_file() for path in mounts.rglob("*"))


def test_a_folder_that_is_no_work_does_not_hide_what_became_of_the_others(ao, tmp_path):
    write_files(tmp_path / "W22084", work_files("W22084"))
    (tmp_path / "W1AC6" / "nothing").mkdir(parents=True)
    answer = ao("audit", tmp_path / "W1AC6", tmp_path / "W22084", "--json")
    assert answer.code == 1
    bad, good = answer.json["works"]
    assert (bad["rid"], bad["outcome"], good["rid"], good["outcome"]) == ("W1AC6", "failed", "W22084", "passed")
    assert "is not a work" in bad["findings"][0]["message"]


def test_what_is_in_force_is_explained_and_nothing_is_audited(ao, gap, place):
    (place / "audit.yml").write_text("errors_as_warning: [105]\ntests_off: [NameHygiene]\n")
    answer = ao("audit", gap, "--config", "audit.yml", "-D", "MaximumImageFileSize=1K", "--explain", "--json")
    assert answer.code == 0
    (told,) = answer.json["works"]
    assert told["work"] == str(gap)
    assert {"key": "NameHygiene", "value": "off", "origin": "audit.yml"} in told["rules"]
    assert {"key": "errors_as_warning", "value": "105", "origin": "audit.yml"} in told["rules"]
    assert {"key": "maximum_image_file_size", "value": "1024 bytes", "origin": "the command line"} in told["rules"]
    assert {"key": "FileSequence", "value": "on", "origin": "built in"} in told["rules"]


def test_a_work_whose_own_options_are_wrong_fails_and_the_others_are_audited(ao, work, gap):
    write_files(gap, {"config/sync.yml": b"audit: {pre: [-T, Nothing]}"})
    answer = ao("audit", gap, work, "--json")
    assert answer.code == 1
    assert [told["outcome"] for told in answer.json["works"]] == ["failed", "passed"]
    (finding,) = answer.json["works"][0]["findings"]
    assert (finding["error"], finding["path"]) == (100, "config/sync.yml")
    assert "'Nothing' is not an audit test" in finding["message"]


def test_each_work_gets_a_log_of_its_own(ao, work, gap, place):
    assert ao("audit", work, gap, "--csv", "logs").code == 1
    names = sorted(path.name.partition("-20")[0] for path in (place / "logs").iterdir())
    assert names == ["FAIL-W1AC6", "PASS-W22084"]


def test_the_audit_of_a_sync_goes_by_the_same_rules(ao, gap, mounts):
    assert ao("sync", gap, "--archive", mounts, "--audit").code == 1
    write_files(gap, {"config/sync.yml": b"audit: {pre: [-D, 'ErrorsAsWarning=105,106,109']}"})
    assert ao("sync", gap, "--archive", mounts, "--audit").code == 0


def test_a_page_is_written_into_a_file_or_into_a_folder_for_each_work(ao, work, gap, place):
    assert ao("audit", gap, "--html", "report.html").code == 1
    assert "Page 0002 is missing" in (place / "report.html").read_text()
    assert ao("audit", work, gap, "--html", "pages").code == 1
    assert sorted(path.name for path in (place / "pages").iterdir()) == ["W1AC6.html", "W22084.html"]
    assert ao("audit", work, "--html", "pages").code == 0
    assert ao("audit", work, gap, "--html", "report.html").code == 2


def test_a_sync_by_a_user_without_a_name_is_on_record(ao, work, mounts, monkeypatch):
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert ao("db", "upgrade").code == 0
    assert ao("sync", work, "--archive", mounts, "--json").code == 0
    answer = ao("works", "changes", "W22084", "--json")
    assert f"user {os.getuid()}" in answer.out
