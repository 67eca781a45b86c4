"""The site's own programs do the work of the stages audit and archive, and are believed what the disk confirms."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.archive import EmptyWork, hold_place
from ao_workflows.catalog import changes_of, events_of, find_delivery, manifest_of
from ao_workflows.errors import ExitCode, SystemFailed
from ao_workflows.inventory import FileRecord, write_inventory
from ao_workflows.settings import Settings
from ao_workflows.staging.scratch import inventory_file
from ao_workflows.staging.site_archive import archived_by_command
from ao_workflows.staging.site_tools import sync_to_archive, sync_to_web
from ao_workflows.staging.sync_plan import plan_sync
from ao_workflows.works import Rid
from fixtures.house import bag_zip, work_files, write_files
from fixtures.site import AUDIT, SYNC, outcome

if TYPE_CHECKING:
    from fixtures.house import House

PROGRAM = Path(sys.executable).with_name("ao")
PAGE = "images/W22084-0001/00010002.jpg"


def words(path: Path) -> list[str]:
    return path.read_text().split("\0")[:-1]


def variables(record: Path) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words(record / "environment"))


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.rglob(pattern)
    return path


def scratch_of(house: "House", page: str = PAGE) -> Path:
    return house.root / "scratch" / ".delivery-1" / "W22084" / page


def test_a_work_comes_into_the_archive_by_the_sites_program_and_that_is_on_record(site_house, record):
    house = site_house()
    files = house.send_work("W22084")
    assert house.run().exit_code == ExitCode.DONE
    assert house.archived("W22084") == files
    (row,) = house.works()
    assert (row.state, row.archive_path) == ("complete", str(house.archive / "Archive3" / "84" / "W22084"))
    program, *arguments = words(record / "arguments")
    log = only(house.root / "sync-logs", "sync-*.log")
    assert program == str(SYNC)
    assert arguments == [
        "-a",
        f"{house.archive}/Archive",
        "-s",
        str(log.parent / "W22084.success"),
        str(house.root / "scratch" / ".delivery-1" / "W22084"),
    ]
    assert log.read_text() == "syncing W22084\n"
    detail = outcome(house, "archive").detail
    # Six pages, and of the bag: bagit.txt, bag-info.txt, manifest-sha512.txt and tagmanifest-sha512.txt.
    assert detail["verified"] == 10
    assert (detail["program"], detail["log"], detail["skipped"]) == (str(SYNC), str(log), [])
    assert detail["audit"]["outcome"] == "passed", "the copy is audited by the built-in rules"
    assert house.leftovers() == []


def test_it_finds_in_its_environment_what_site_scripts_know_and_no_secret_of_ours(site_house, record, monkeypatch):
    monkeypatch.setenv("AO_CATALOG__PASSWORD", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter3")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("logDipVersion", "2.1")
    house = site_house(sync='db_config = "prod:/run/secrets/db_apps"', others='log = { level = "debug" }')
    house.send_work("W22084")
    house.run()
    found = variables(record)
    folder = only(house.root / "sync-logs", "sync-*.log").parent
    date_time = folder.name
    date, time = date_time.split("_")
    assert folder == house.root / "sync-logs" / date / date_time
    assert {name: found[name] for name in found.keys() - {"PWD", "SHLVL", "OLDPWD", "_", "LC_CTYPE", "userName"}} == {
        **{name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ},
        "PATH": os.environ["PATH"],
        "RECORD": str(record),
        "TZ": "Asia/Kathmandu",
        "hostName": socket.gethostname(),
        "logDipVersion": "2.1",
        "jobDateTime": date_time,
        "jobDate": date,
        "jobTime": time,
        "auditToolLogDateTimeDir": str(house.root / "audit-test-logs" / date / date_time),
        "syncLogDateTimeDir": str(folder),
        "syncLogDateTimeFile": str(folder / f"sync-{date_time}.log"),
        "syncLogTempDir": str(folder / "temp"),
        "DB_CONFIG": "prod:/run/secrets/db_apps",
        "DEBUG_SYNC": "true",
    }
    assert "hunter" not in (record / "environment").read_text()
    assert (folder / "temp").is_dir()


def test_the_works_own_audit_options_reach_it_in_words_that_a_shell_splits_as_they_were(site_house, record):
    house = site_house()
    files = work_files("W22084")
    files["config/sync.yml"] = b"""\
audit:
  pre: ["-T FileSequence", "-D 'ErrorsAsWarning=111, 115'"]
  post: ["-D", "MaximumImageFileSize=2200K"]
sync: {web: false, update_web: false, replace: true}
"""
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": files}))
    assert house.run().exit_code == ExitCode.DONE
    found = variables(record)
    assert found["LOCAL_AUDIT_OPTIONS"] == "-T FileSequence -D 'ErrorsAsWarning=111, 115'"
    assert found["REPO_AUDIT_OPTIONS"] == "-D MaximumImageFileSize=2200K"
    assert found["NO_REFRESH_WEB"] == "true"
    assert "-A" not in words(record / "arguments"), "a work alone cannot have its old copy removed"


def test_a_work_that_asks_for_it_has_its_copy_replaced_where_the_site_allows_that(site_house, record):
    house = site_house(sync="replace = true")
    files = {**work_files("W22084"), "config/sync.yml": b"sync: {replace: true}\n"}
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": files}))
    assert house.run().exit_code == ExitCode.DONE
    assert words(record / "arguments")[3] == "-A"


def test_where_works_have_no_say_their_audits_options_are_not_passed_on(site_house, record):
    house = site_house(audit="work_options = false")
    files = {**work_files("W22084"), "config/sync.yml": b"audit: {pre: [-TFileSequence]}\nsync: {update_web: false}\n"}
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": files}))
    house.run()
    assert "LOCAL_AUDIT_OPTIONS" not in variables(record)
    assert variables(record)["NO_REFRESH_WEB"] == "true"


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        (
            "exit-3",
            "site-program-failed",
            "syncOneWork.sh ended with exit code 3. It said last: syncing W22084 / no space",
        ),
        ("says-nothing", "sync-command-unproved", "did not write"),
        (
            "copies-nothing",
            "sync-command-unproved",
            "is missing in the archive copy. 9 more files are not right either.",
        ),
        ("leaves-one-out", "sync-command-unproved", f"'{PAGE}' is missing in the archive copy."),
        ("flips-a-byte", "sync-command-unproved", f"'{PAGE}' has another SHA-512 in the archive copy."),
        ("links-to-scratch", "sync-command-unproved", "is missing in the archive copy. 2 more files"),
    ],
)
def test_what_it_does_wrong_is_an_error_and_the_work_stays_in_scratch(site_house, record, wrong, code, message):
    house = site_house()
    files = house.send_work("W22084")
    (record / "wrong").write_text(wrong)
    assert house.run().exit_code == ExitCode.SYSTEM
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("error", code)
    assert message in row.reason
    assert str(house.root / "sync-logs") in row.action
    assert row.archive_path in {None, ""}
    assert scratch_of(house).read_bytes() == files[PAGE]


def test_each_file_that_is_not_right_is_on_record(site_house, record):
    house = site_house()
    house.send_work("W22084")
    (record / "wrong").write_text("flips-a-byte")
    house.run()
    (finding,) = outcome(house, "archive").detail["findings"]
    assert (finding["code"], finding["path"]) == ("copy-file-differs", PAGE)
    assert len(finding["expected"]) == len(finding["found"]) == 128


def test_scratch_that_was_damaged_meanwhile_is_not_taken_for_the_programs_fault_and_unpacked_anew(site_house, record):
    house = site_house(others="process = { retry_seconds = 1, retry_seconds_max = 1 }")
    files = house.send_work("W22084")
    (record / "wrong").write_text("damages-scratch")
    assert house.run().exit_code == ExitCode.SYSTEM
    assert house.works()[0].reason_code == "scratch-damaged"
    (record / "wrong").unlink()
    while house.states() == {"W22084": "error"}:
        house.run()
    assert house.states() == {"W22084": "complete"}
    assert house.archived("W22084") == files


def test_a_code_that_means_bad_content_rejects_the_work(site_house, record):
    house = site_house(sync="rejected_exit_codes = [1, 4]")
    house.send_work("W22084")
    (record / "wrong").write_text("exit-4")
    assert house.run().exit_code == ExitCode.REJECTED
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("rejected", "sync-command-rejected")
    assert "no space in the cupboard" in row.reason


def test_what_an_earlier_delivery_brought_stays_on_record_beside_a_later_one(site_house):
    house = site_house()
    house.send_work("W22084")
    house.run()
    fewer = work_files("W22084", pages=2)
    house.send(bag_zip(house.root / "second.bag.zip", {"W22084": fewer}), key="second.bag.zip")
    house.run()
    process = house.process()
    with process.catalog.reading() as session:
        changes = changes_of(session, "W22084", limit=9)
        records = manifest_of(session, "W22084")
    process.catalog.close()
    assert [change.paths["removed"] for change in changes] == [[], []]
    assert "images/W22084-0001/00010003.jpg" in {record.path for record in records}


def test_litter_that_it_does_not_copy_is_told_and_may_be_allowed(site_house, record):
    (record / "wrong").write_text("skips-litter")
    litter = "images/W22084-0001/.DS_Store"
    files = {**work_files("W22084"), litter: b"of a desktop"}
    strict, mild = site_house(), site_house(sync="may_skip_litter = true")
    for house in (strict, mild):
        house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": files}))
        house.run()
    assert strict.works()[0].reason_code == "sync-command-unproved"
    assert "may_skip_litter" in strict.works()[0].action
    assert mild.states() == {"W22084": "complete"}
    assert outcome(mild, "archive").detail["skipped"] == [litter]


def test_a_work_of_which_all_was_left_out_as_litter_is_not_archived(site_house, record, tmp_path):
    (record / "wrong").write_text("skips-litter")
    house = site_house(sync="may_skip_litter = true")
    content, rid = b"of a desktop", Rid("W22084")
    work = write_files(tmp_path / rid, {"images/W22084-0001/.DS_Store": content})
    inventory = [FileRecord("images/W22084-0001/.DS_Store", len(content), hashlib.sha512(content).hexdigest(), 0)]
    write_inventory(inventory_file(tmp_path, rid), inventory)
    plan = plan_sync(house.settings, work)
    with pytest.raises(EmptyWork, match="nothing but litter"):
        archived_by_command(house.settings, plan, tmp_path, rid, inventory, recorded=[])


def test_one_that_hangs_is_ended_and_told(site_house, tmp_path):
    program = tmp_path / "hangs"
    program.write_text("#!/bin/sh\necho 'I wait'\nsleep 600\n")
    program.chmod(0o755)
    house = site_house(sync="timeout_minutes = 0.02")
    house.config.write_text(house.config.read_text().replace(str(SYNC), str(program)))
    house.send_work("W22084")
    house.run()
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("error", "site-program-timed-out")
    assert "hangs was ended after 0.02 minutes. It said last: I wait" in row.reason


def test_a_work_waits_while_another_sync_of_it_runs_or_its_mount_is_missing(site_house, record):
    house = site_house(others="process = { wait_seconds = 1 }")
    house.send_work("W22084")
    with hold_place(house.archive, Rid("W22084"), at_once=2):
        house.run()
        assert house.states() == {"W22084": "waiting"}
    marked = house.config.read_text().replace("archive = {", 'archive = { marker = ".ao-archive",')
    house.config.write_text(marked)
    while outcome(house, "archive").code == "waiting-for-sync":
        house.run()
    assert outcome(house, "archive").code == "waiting-for-mount"
    assert not (record / "arguments").exists()


def test_an_archive_that_is_not_mounted_is_told_before_it_is_started(site_house, record):
    house = site_house()
    (house.archive / "Archive3").rmdir()
    house.send_work("W22084")
    house.run()
    assert house.works()[0].reason_code == "archive-mount-missing"
    assert not (record / "arguments").exists()


def test_two_jobs_of_one_second_have_folders_of_their_own(site_house, tmp_path):
    house = site_house()
    works = [write_files(tmp_path / rid, work_files(rid)) for rid in ("W22084", "W1AC6", "W1FPL2251", "W1NLM4700")]
    jobs = [sync_to_archive(house.settings, work, plan_sync(house.settings, work)) for work in works]
    assert len({job.sync_logs for job in jobs}) == len({job.audit_logs for job in jobs}) == 4


def test_logs_that_cannot_be_written_are_told_with_the_setting(site_house, tmp_path):
    (tmp_path / "file").write_text("")
    house = site_house(sync=f'log_folder = "{tmp_path}/file"')
    house.send_work("W22084")
    house.run()
    (row,) = house.works()
    assert row.reason_code == "site-logs-failed"
    assert "log_folder" in row.action


def test_the_web_is_another_target_of_the_same_program(site_house, record, tmp_path):
    files = {**work_files("W22084"), "config/sync.yml": b"sync: {replace: true}\n"}
    work = write_files(tmp_path / "two words" / "W22084", files)
    settings = site_house(sync="replace = true").settings
    job = sync_to_web(settings, work, plan_sync(settings, work, web=True), "s3://archive.example.org/Works")
    success = str(job.sync_logs / "W22084.success")
    assert words(record / "arguments")[1:] == [
        *("-w", "s3://archive.example.org/Works", "-W", "-s", success),
        str(work),
    ]


def test_the_credentials_file_is_named_to_it(site_house, record, tmp_path):
    (tmp_path / "aws").write_text("[default]\n")
    house = site_house()
    text = house.config.read_text().replace("aws = {", f'aws = {{ credentials_file = "{tmp_path}/aws",')
    house.config.write_text(text)
    work = write_files(tmp_path / "W22084", work_files("W22084"))
    sync_to_archive(house.settings, work, plan_sync(house.settings, work))
    assert variables(record)["AWS_SHARED_CREDENTIALS_FILE"] == f"{tmp_path}/aws"


def test_a_program_that_is_not_there_is_told_when_it_is_needed(tmp_path):
    settings = Settings.model_validate(
        {"home": tmp_path, "archive": {"root": tmp_path}, "sync": {"backend": "command", "command": "no-such-program"}}
    )
    work = write_files(tmp_path / "W22084", work_files("W22084"))
    with pytest.raises(SystemFailed) as caught:
        sync_to_archive(settings, work, plan_sync(settings, work))
    assert caught.value.code == "site-program-missing"


@pytest.mark.parametrize("name", ["AO_CATALOG__PASSWORD", "ao_catalog__password", ""])
def test_our_own_settings_cannot_be_passed_on(name):
    with pytest.raises(ValueError, match="none of ours"):
        Settings.model_validate({"sync": {"pass_environment": [name]}})


def test_stopped_in_its_middle_a_run_ends_the_program_and_gives_its_claim_back(site_house, tmp_path):
    program = tmp_path / "slow"
    program.write_text(f"#!/bin/sh\necho $$ > '{tmp_path}/pid'\nmv '{tmp_path}/pid' '{tmp_path}/started'\nsleep 600\n")
    program.chmod(0o755)
    house = site_house()
    house.config.write_text(house.config.read_text().replace(str(SYNC), str(program)))
    house.send_work("W22084")
    environment = {**os.environ, "AO_CONFIG": str(house.config)}
    with subprocess.Popen([PROGRAM, "run", "--once"], env=environment, stderr=subprocess.PIPE) as process:
        while not (tmp_path / "started").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 143
    assert house.states() == {"W22084": "audited"}
    assert not Path(f"/proc/{(tmp_path / 'started').read_text().strip()}").exists()
    process = house.process()
    with process.catalog.reading() as session:
        delivery = find_delivery(session, "W22084")
        assert [event.type for event in events_of(session, delivery.id)][-1] == "claim-given-back"
    process.catalog.close()


def test_a_program_that_outlives_a_killed_run_keeps_the_next_one_waiting_until_it_ends(site_house, tmp_path):
    program = tmp_path / "slow"
    program.write_text(
        f"""#!/bin/sh
cd '{tmp_path}'
echo $$ > pid
mv pid started
for try in $(seq 600); do [ -e go ] || sleep 0.1; done
exec '{SYNC}' "$@"
"""
    )
    program.chmod(0o755)
    house = site_house(others="process = { wait_seconds = 1 }")
    house.config.write_text(house.config.read_text().replace(str(SYNC), str(program)))
    files = house.send_work("W22084")
    environment = {**os.environ, "AO_CONFIG": str(house.config)}
    with subprocess.Popen([PROGRAM, "run", "--once"], env=environment, stderr=subprocess.PIPE) as process:
        while not (tmp_path / "started").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        process.kill()
    house.run()
    assert outcome(house, "archive").code == "waiting-for-sync"
    (tmp_path / "go").touch()
    until = time.monotonic() + 60
    while house.states() != {"W22084": "complete"}:
        assert time.monotonic() < until
        house.run()
    assert house.archived("W22084") == files


COMMAND = f'backend = "command"\ncommand = "{AUDIT}"'


def test_a_work_that_the_sites_audit_passes_is_archived_and_the_copy_left_to_its_sync(site_house, record):
    house = site_house(audit=COMMAND)
    files = house.send_work("W22084")
    assert house.run().exit_code == ExitCode.DONE
    assert house.archived("W22084") == files
    work = house.root / "scratch" / ".delivery-1" / "W22084"
    log = only(house.root / "audit-test-logs", "PASS-W22084-*.csv")
    assert words(record / "audit-arguments")[1:] == ["-l", str(log.parent), str(work)]
    detail = outcome(house, "audit").detail
    assert detail["outcome"] == "passed"
    assert detail["tests"] == [{"test": "File Sequence Test", "outcome": "Passed"}]
    assert detail["log"] == str(log)
    assert "audit" not in outcome(house, "archive").detail


def test_the_rules_that_somebody_decided_are_given_to_it(site_house, record):
    rules = 'tests = ["FileSequence", "ImageIntegrity"]\nerrors_as_warning = [115, 111]\nmaximum_image_file_size = "2M"'
    house = site_house(audit=f"{COMMAND}\n{rules}")
    house.send_work("W22084")
    house.run()
    assert words(record / "audit-arguments")[1:9] == [
        *("-T", "FileSequence", "-T", "ImageIntegrity"),
        *("-D", "ErrorsAsWarning=111,115", "-D", "MaximumImageFileSize=2097152"),
    ]


def test_the_copy_is_audited_by_the_sites_audit_where_the_built_in_sync_made_it(make_house, record):
    house = make_house(settings=f'sync = {{ pass_environment = ["RECORD"] }}\n[audit]\n{COMMAND}')
    house.send_work("W22084")
    assert house.run().exit_code == ExitCode.DONE
    assert words(record / "audit-arguments")[-1] == str(house.archive / "Archive3" / "84" / "W22084")
    assert outcome(house, "archive").detail["audit"]["outcome"] == "passed"


@pytest.mark.parametrize("wrong", ["fails", "hides-a-failure"])
def test_a_work_that_the_sites_audit_fails_is_rejected_and_the_reason_names_the_log(site_house, record, wrong):
    house = site_house(audit=COMMAND)
    house.send_work("W22084")
    (record / "wrong").write_text(wrong)
    assert house.run().exit_code == ExitCode.REJECTED
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("rejected", "audit-failed")
    assert "File Sequence Test" in row.reason
    assert str(only(house.root / "audit-test-logs", "*.csv")) in row.action
    assert house.archived("W22084") == {}


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ("breaks", "site-program-failed", "ended with exit code 2. It said last: cannot find java"),
        ("writes-no-log", "audit-command-unproved", "says which tests of W22084 ran"),
        ("runs-nothing", "audit-command-unproved", "says which tests of W22084 ran"),
        ("fails-without-log", "audit-command-unproved", "ended with exit code 1."),
    ],
)
def test_an_audit_that_breaks_or_shows_no_test_neither_passes_nor_rejects(site_house, record, wrong, code, message):
    house = site_house(audit=COMMAND)
    house.send_work("W22084")
    (record / "wrong").write_text(wrong)
    assert house.run().exit_code == ExitCode.SYSTEM
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("error", code)
    assert message in row.reason
    assert scratch_of(house).exists()


def test_the_built_in_audit_tool_does_as_the_sites_own(make_house):
    program = Path(sys.executable).with_name("audit-tool")
    house = make_house(settings=f'[audit]\nbackend = "command"\ncommand = "{program}"')
    files = house.send_work("W22084")
    assert house.run().exit_code == ExitCode.DONE
    assert house.archived("W22084") == files
    gap = work_files("W1AC6")
    del gap["images/W1AC6-0001/00010002.jpg"]
    house.send(bag_zip(house.root / "W1AC6.bag.zip", {"W1AC6": gap}))
    assert house.run().exit_code == ExitCode.REJECTED
    assert house.states()["W1AC6"] == "rejected"
