"""What becomes of deliveries: the whole process in one process, on a real bucket, queue and database."""

import json
import shutil
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from ao_workflows.catalog import (
    Delivery,
    DeliveryState,
    events_of,
    find_delivery,
    give_back,
    list_works,
    messages_not_understood,
    now,
)
from ao_workflows.catalog import retry_delivery as ask_for_retry
from ao_workflows.errors import ExitCode, UsageError
from ao_workflows.staging.intake import drain
from ao_workflows.staging.runner import claim_for, finish, works_to_do
from ao_workflows.staging.stage import perform
from ao_workflows.staging.stages import AUDIT, UNBAG, WORK_STAGES
from ao_workflows.storage import Source
from fixtures.house import MODIFIED, bag_zip, work_files, write_files, zip_folder
from fixtures.killing import run_in_child


def test_a_bag_becomes_a_work_in_the_archive_with_its_times_and_provenance(house):
    files = house.send_work("W22084")
    summary = house.run()
    assert summary.exit_code == ExitCode.DONE
    assert house.archived("W22084") == files
    (row,) = house.works()
    assert (row.state, row.archive_path) == ("complete", str(house.archive / "Archive3" / "84" / "W22084"))
    folder = house.archive / "Archive3" / "84" / "W22084"
    assert {path.stat().st_mtime for path in folder.rglob("*.jpg")} == {MODIFIED}
    assert (folder / "W22084.bag" / "manifest-sha512.txt").is_file()
    assert (folder / "W22084.bag" / "bag-info.txt").is_file()
    assert house.messages() == 0
    assert house.leftovers() == []


def test_one_zip_may_hold_two_works(house):
    works = {"W22084": work_files("W22084"), "W1AC6": work_files("W1AC6")}
    house.send(bag_zip(house.root / "W22084.bag.zip", works))
    house.run()
    assert house.states() == {"W22084": "complete", "W1AC6": "complete"}
    assert house.archived("W1AC6") == works["W1AC6"]
    assert len({row.delivery for row in house.works()}) == 1


def test_a_flipped_byte_is_rejected_naming_file_and_both_checksums_and_nothing_is_lost_or_archived(house):
    damaged = "images/W22084-0001/00010002.jpg"
    house.send_work("W22084", damage=damaged)
    assert house.run().exit_code == ExitCode.REJECTED
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("rejected", "checksum-mismatch")
    (finding,) = row.findings
    assert finding["path"] == f"data/{damaged}"
    assert len(finding["expected"]) == len(finding["found"]) == 128
    assert finding["expected"] != finding["found"]
    assert row.action
    assert not (house.archive / "Archive3" / "84").exists()
    house.s3.head_object(Bucket=house.bucket, Key="Archive1/84/W22084/W22084.bag.zip")
    assert house.messages() == 0
    assert house.leftovers() == []


def test_a_zip_in_the_drop_folder_is_archived_and_put_aside(house):
    files = work_files("W1AC6")
    write_files(house.root / "making" / "W1AC6", files)
    zip_folder(house.root / "making", house.drop_folder / "W1AC6.zip")
    house.run()
    assert house.archived("W1AC6") == files
    assert [path.name for path in house.drop_folder.rglob("*.zip")] == ["W1AC6.zip"]
    assert (house.drop_folder / "done" / "W1AC6.zip").is_file()
    assert house.run().concluded == {}


def test_a_rejected_zip_stays_in_the_drop_folder_with_a_note_and_is_not_taken_again(house):
    (house.drop_folder / "W1AC6.zip").write_bytes(b"this is no zip")
    assert house.run().exit_code == ExitCode.REJECTED
    assert (house.drop_folder / "W1AC6.zip").read_bytes() == b"this is no zip"
    assert "W1AC6.zip" in (house.drop_folder / "W1AC6.zip.rejected.txt").read_text()
    assert house.run().concluded == {}
    assert len(house.works()) == 1


def test_a_work_that_fails_its_audit_is_rejected_while_the_other_of_its_zip_is_archived(house):
    gap = work_files("W22084")
    del gap["images/W22084-0001/00010002.jpg"]
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": gap, "W1AC6": work_files("W1AC6")}))
    assert house.run().exit_code == ExitCode.REJECTED
    assert house.states() == {"W22084": "rejected", "W1AC6": "complete"}
    rejected = next(row for row in house.works() if row.rid == "W22084")
    assert rejected.reason_code == "audit-failed"
    assert "W22084-0001" in rejected.reason
    assert house.archived("W22084") == {}
    assert house.leftovers() == []


def test_an_object_in_glacier_waits_for_its_restore_and_its_event_wakes_it(house, restores):
    files = work_files("W22084")
    zip_path = bag_zip(house.root / "W22084.bag.zip", {"W22084": files})
    house.s3.put_object(
        Bucket=house.bucket, Key="W22084.bag.zip", Body=zip_path.read_bytes(), StorageClass="DEEP_ARCHIVE"
    )
    assert house.run().exit_code == ExitCode.DONE
    (row,) = house.works()
    assert row.state == "waiting"
    assert "the restore of s3://" in row.waiting_for
    assert "DEEP_ARCHIVE" in row.waiting_for
    restores.request(house.bucket, "W22084.bag.zip")
    assert house.run().concluded == {}
    restores.complete(house.bucket, "W22084.bag.zip")
    house.run()
    assert house.states() == {"W22084": "complete"}
    assert house.archived("W22084") == files


def test_an_event_for_an_object_that_is_gone_says_so(house):
    house.send_work("W22084")
    house.s3.delete_object(Bucket=house.bucket, Key="Archive1/84/W22084/W22084.bag.zip")
    assert house.run().exit_code == ExitCode.REJECTED
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("rejected", "source-gone")
    assert "Archive1/84/W22084/W22084.bag.zip" in row.reason
    assert house.messages() == 0


def test_an_object_that_was_replaced_is_not_taken_for_the_one_that_was_announced(house):
    house.send_work("W22084")
    files = work_files("W22084", pages=5)
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": files}))
    house.run()
    assert [(row.state, row.reason_code) for row in house.works()] == [
        ("rejected", "source-changed"),
        ("complete", ""),
    ]
    assert house.archived("W22084") == files


def test_an_older_version_whose_event_comes_late_does_not_undo_the_newer_one(make_house, s3):
    house = make_house(versioned=True)
    house.send_work("W22084")
    old_event = announcement_of_version(house, s3)
    newer = work_files("W22084", pages=5)
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": newer}))
    house.run()
    assert house.archived("W22084") == newer
    house.say(old_event)
    assert house.run().exit_code == ExitCode.REJECTED
    assert [(row.state, row.reason_code) for row in house.works()] == [("complete", ""), ("rejected", "superseded")]
    assert house.archived("W22084") == newer


@pytest.mark.parametrize("versioned", [True, False])
def test_a_delivery_that_failed_does_not_undo_a_newer_one_when_it_is_tried_again(make_house, versioned):
    house = make_house(versioned=versioned)
    house.send_work("W22084")
    (house.archive / "Archive3").rename(house.archive / "away")
    house.run()
    (house.archive / "away").rename(house.archive / "Archive3")
    newer = work_files("W22084", pages=5)
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": newer}))
    house.run()
    make_due(house)
    house.run()
    assert [(row.state, row.reason_code) for row in house.works()] == [("rejected", "superseded"), ("complete", "")]
    assert house.archived("W22084") == newer


def test_a_version_is_archived_although_the_key_was_deleted_since(make_house, s3):
    house = make_house(versioned=True)
    files = house.send_work("W22084")
    house.say(announcement_of_version(house, s3))
    s3.delete_object(Bucket=house.bucket, Key="Archive1/84/W22084/W22084.bag.zip")
    house.run()
    assert house.archived("W22084") == files


def test_a_message_that_is_no_json_is_kept_shown_and_does_not_stop_the_others(house):
    house.say("this is {no json")
    files = house.send_work("W22084")
    house.run()
    assert house.archived("W22084") == files
    process = house.process()
    with process.catalog.reading() as session:
        (message,) = messages_not_understood(session)
    assert message.body == "this is {no json"
    assert "not JSON" in message.problem
    assert house.messages() == 0


def test_the_same_event_three_times_and_out_of_order_is_one_delivery(house):
    files = house.send_work("W22084")
    received = house.sqs.receive_message(QueueUrl=house.queue_url, MaxNumberOfMessages=10)["Messages"]
    bodies = [message["Body"] for message in received]
    for body in [*reversed(bodies), *bodies, *bodies]:
        house.say(body)
    house.run()
    for body in bodies:
        house.say(body)
    assert house.run().concluded == {}
    assert [row.state for row in house.works()] == ["complete"]
    assert house.archived("W22084") == files


def test_several_records_in_one_message_are_each_a_delivery(house):
    for rid in ("W22084", "W1AC6"):
        house.send_work(rid)
    received = house.sqs.receive_message(QueueUrl=house.queue_url, MaxNumberOfMessages=10)["Messages"]
    records = [record for message in received for record in json.loads(message["Body"]).get("Records", ())]
    for message in received:
        house.sqs.delete_message(QueueUrl=house.queue_url, ReceiptHandle=message["ReceiptHandle"])
    house.say(json.dumps({"Records": records}))
    house.run()
    assert house.states() == {"W22084": "complete", "W1AC6": "complete"}


def test_a_key_with_spaces_and_letters_of_all_kinds_is_found(house):
    files = work_files("W22084")
    zip_path = bag_zip(house.root / "W22084.bag.zip", {"W22084": files})
    house.send(zip_path, key="new scans+more/བོད་ཡིག/W22084.bag.zip")
    house.run()
    assert house.archived("W22084") == files


def test_a_missing_mount_is_an_error_that_is_tried_again_and_nothing_is_downloaded_twice(house, s3):
    files = house.send_work("W22084")
    shutil.rmtree(house.archive / "Archive3")
    assert house.run().exit_code == ExitCode.SYSTEM
    (row,) = house.works()
    assert row.state == "error"
    assert "Archive3" in row.reason
    s3.delete_object(Bucket=house.bucket, Key="Archive1/84/W22084/W22084.bag.zip")
    (house.archive / "Archive3").mkdir()
    process = house.process()
    with process.catalog.transaction() as session:
        ask_for_retry(session, row.delivery, actor="admin")
    assert house.run().exit_code == ExitCode.DONE
    assert house.archived("W22084") == files


def test_a_full_scratch_disk_makes_the_delivery_wait_and_say_for_what(make_house):
    house = make_house(settings=f"[process]\nwait_seconds = {3600 * 24}")
    house.config.write_text(house.config.read_text().replace("keep_free_bytes = 0", f"keep_free_bytes = {1 << 60}"))
    house.send_work("W22084")
    house.run()
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("waiting", "waiting-for-disk")
    assert str(house.scratch) in row.waiting_for
    assert house.archived("W22084") == {}


def test_a_connection_of_airflow_is_told_to_be_out_of_reach_without_airflow(house):
    house.config.write_text(house.config.read_text().replace("aws = {", 'aws = { airflow_connection = "aws_staging",'))
    house.send_work("W22084")
    assert house.run().exit_code == ExitCode.SYSTEM
    with pytest.raises(UsageError, match="only Airflow's tasks can ask for"):
        house.process().bucket(house.bucket)


def test_a_work_waits_while_its_archive_is_not_mounted(make_house):
    house = make_house(settings="[process]\nwait_seconds = 1")
    house.config.write_text(
        house.config.read_text().replace("archive = { root", 'archive = { marker = ".ao-archive", root')
    )
    files = house.send_work("W22084")
    (house.archive / "Archive2" / ".ao-archive").touch()
    house.run()
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("waiting", "waiting-for-mount")
    assert str(house.archive / "Archive3") in row.waiting_for
    assert list((house.archive / "Archive3").iterdir()) == []
    (house.archive / "Archive3" / ".ao-archive").touch()
    process = house.process()
    with process.catalog.transaction() as session:
        ask_for_retry(session, row.delivery, actor="admin")
    assert house.run().exit_code == ExitCode.DONE
    assert house.archived("W22084") == files


def test_a_queue_that_cannot_be_reached_keeps_nothing_else_from_being_done(house):
    house.config.write_text(house.config.read_text().replace("queues = [", 'queues = [{ name = "not-there" }, '))
    files = house.send_work("W22084")
    assert house.run().exit_code == ExitCode.SYSTEM
    assert house.archived("W22084") == files


def test_a_work_that_is_delivered_again_unchanged_changes_nothing_in_the_archive(house):
    house.send_work("W22084")
    house.run()
    folder = house.archive / "Archive3" / "84" / "W22084"
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*")}
    house.send_work("W22084")
    house.run()
    assert [row.state for row in house.works()] == ["complete", "complete"]
    images = {path for path in before if "images" in path.parts or "archive" in path.parts}
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in images} == {
        path: before[path] for path in images
    }


def test_the_history_tells_who_did_what_when_and_how_it_ended(house):
    house.send_work("W22084")
    house.run()
    process = house.process()
    with process.catalog.reading() as session:
        delivery = find_delivery(session, "W22084")
        events = events_of(session, delivery.id)
    told = [(event.type, event.detail.get("stage"), event.outcome) for event in events]
    assert told == [
        ("received", None, ""),
        ("claimed", None, ""),
        ("stage-started", "unbag", ""),
        ("stage-ended", "unbag", "done"),
        ("stage-started", "audit", ""),
        ("stage-ended", "audit", "done"),
        ("stage-started", "archive", ""),
        ("stage-ended", "archive", "done"),
        ("stage-started", "publish", ""),
        ("stage-ended", "publish", "done"),
        ("concluded", None, "complete"),
    ]
    assert delivery.state == DeliveryState.COMPLETE
    assert all(event.at.tzinfo is UTC and event.at <= datetime.now(UTC) for event in events)
    assert events[1].actor.startswith("ao-run@")


def test_a_rejected_delivery_can_be_tried_again_after_a_change_of_rules(house):
    gap = work_files("W22084")
    del gap["images/W22084-0001/00010002.jpg"]
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": gap}))
    house.run()
    (row,) = house.works()
    assert row.state == "rejected"
    house.config.write_text(house.config.read_text() + "\n[audit]\nerrors_as_warning = [105, 106, 107, 109]\n")
    process = house.process()
    with process.catalog.transaction() as session:
        ask_for_retry(session, row.delivery, actor="archivist")
    with process.catalog.reading() as session:
        assert [row.state for row in list_works(session)] == ["unbagged"]
    house.run()
    assert house.archived("W22084") == gap


def test_scratch_that_another_catalog_uses_is_not_touched(house):
    theirs = house.scratch / ".delivery-4711" / ".W22084.partial" / "page.jpg"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"in progress")
    house.send_work("W1AC6")
    house.run()
    assert theirs.read_bytes() == b"in progress"


def test_a_work_that_passes_when_it_is_tried_again_shows_no_findings_of_before(house):
    gap = work_files("W22084")
    del gap["images/W22084-0001/00010002.jpg"]
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": gap}))
    house.run()
    (row,) = house.works()
    assert row.findings
    house.config.write_text(house.config.read_text() + "\n[audit]\nerrors_as_warning = [105, 106, 107, 109]\n")
    process = house.process()
    with process.catalog.transaction() as session:
        ask_for_retry(session, row.delivery, actor="archivist")
    house.run()
    (row,) = house.works()
    assert (row.state, row.findings) == ("complete", ())


def test_what_was_rejected_is_not_looked_at_again_when_another_work_of_its_zip_is_tried_again(house):
    gap = work_files("W22084")
    del gap["images/W22084-0001/00010002.jpg"]
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": gap, "W1AC6": work_files("W1AC6")}))
    shutil.rmtree(house.archive / "Archive0")
    house.run()
    assert house.states() == {"W22084": "rejected", "W1AC6": "error"}
    (house.archive / "Archive0").mkdir()
    make_due(house)
    house.run()
    assert house.states() == {"W22084": "rejected", "W1AC6": "complete"}
    process = house.process()
    with process.catalog.reading() as session:
        delivery = find_delivery(session, "W22084")
        events = events_of(session, delivery.id)
    audits = [event for event in events if event.type == "stage-started" and event.detail["stage"] == "audit"]
    assert len(audits) == 2
    assert delivery.state == "rejected"


def test_a_dropped_file_that_is_replaced_before_its_turn_is_not_taken_for_the_one_that_was_seen(house):
    (house.drop_folder / "W1AC6.zip").write_bytes(b"half a file")
    process = house.process()
    drain(process)
    files = work_files("W1AC6")
    write_files(house.root / "making" / "W1AC6", files)
    zip_folder(house.root / "making", house.drop_folder / "W1AC6.zip")
    house.run()
    assert [(row.state, row.reason_code) for row in house.works()] == [
        ("rejected", "source-changed"),
        ("complete", ""),
    ]
    assert house.archived("W1AC6") == files


def test_what_is_archived_is_not_fetched_again_though_scratch_and_source_are_gone(house):
    house.send_work("W22084")
    process = house.process()
    drain(process)
    (claim,) = claim_for(process, "a holder that dies")
    perform(process, claim, UNBAG)
    (work,) = works_to_do(process, claim)
    for stage in WORK_STAGES:
        perform(process, claim, stage, work_id=work)
    shutil.rmtree(house.scratch)
    house.s3.delete_object(Bucket=house.bucket, Key="Archive1/84/W22084/W22084.bag.zip")
    with process.catalog.transaction() as session:
        give_back(session, claim)
    assert house.run().exit_code == ExitCode.DONE
    assert house.states() == {"W22084": "complete"}


def test_what_is_in_scratch_already_needs_no_room_a_second_time(house):
    files = house.send_work("W22084")
    promised = []
    for _ in range(2):
        assert run_in_child(house.config, instant="before rename", number=6) == -9
        process = house.process()
        with process.catalog.reading() as session:
            promised.append(find_delivery(session, "W22084").reserved_bytes)
    assert promised[0] > sum(len(content) for content in files.values())
    assert promised[1] < promised[0] - 5000


def flip_a_byte(page):
    content = bytearray(page.read_bytes())
    content[7] ^= 1
    page.write_bytes(content)


@pytest.mark.parametrize("damage", [flip_a_byte, lambda page: page.unlink(), lambda page: page.write_bytes(b"")])
@pytest.mark.parametrize("stages", [[UNBAG], [UNBAG, AUDIT]])
def test_damage_in_scratch_is_no_fault_of_the_content_and_the_next_attempt_heals_it(house, damage, stages):
    files = house.send_work("W22084")
    process = house.process()
    drain(process)
    (claim,) = claim_for(process, "tester")
    perform(process, claim, UNBAG)
    (work,) = works_to_do(process, claim)
    for stage in stages[1:]:
        perform(process, claim, stage, work_id=work)
    (page,) = house.scratch.rglob("images/*/00010002.jpg")
    damage(page)
    # Whoever calls the stages stops at the first that fails; that a later one is called all the same heals nothing.
    outcomes = [perform(process, claim, stage, work_id=work) for stage in WORK_STAGES]
    assert outcomes[-1].kind == "error"
    failed = next(outcome for outcome in outcomes if outcome.kind != "done")
    assert (failed.kind, failed.code) == ("error", "scratch-damaged")
    assert house.archived("W22084") == {}
    finish(process, claim)
    make_due(house)
    assert house.run().exit_code == ExitCode.DONE
    assert house.archived("W22084") == files


def announcement_of_version(house, s3) -> str:
    """Take the only event out of the queue; return it with the version, which S3 tells and the stand-in does not."""
    (body,) = house.take_messages("ObjectCreated")
    (version,) = s3.list_object_versions(Bucket=house.bucket)["Versions"]
    event = json.loads(body)
    event["Records"][0]["s3"]["object"]["versionId"] = version["VersionId"]
    return json.dumps(event)


def make_due(house) -> None:
    """Let the pause of a failed delivery be over."""
    process = house.process()
    with process.catalog.transaction() as session:
        session.execute(update(Delivery).where(Delivery.state == DeliveryState.ERROR).values(due_at=now()))


def test_a_drop_folder_that_is_not_there_keeps_nothing_else_from_being_done(make_house):
    house = make_house()
    files = house.send_work("W22084")
    house.config.write_text(house.config.read_text().replace(str(house.drop_folder), str(house.root / "not-there")))
    assert house.run().exit_code == ExitCode.SYSTEM
    assert house.archived("W22084") == files


def test_a_fault_of_ours_with_one_delivery_does_not_stop_the_next(house, monkeypatch):
    def fault(_source: Source) -> None:
        raise ZeroDivisionError

    good = work_files("W1AC6")
    house.send_work("W22084")
    process = house.process()
    drain(process)
    (claim,) = claim_for(process, "tester")
    # Where a parser of ours would fail on what nobody thought of.
    with monkeypatch.context() as patch:
        patch.setattr("ao_workflows.staging.unbag.read_plan", fault)
        perform(process, claim, UNBAG)
        finish(process, claim)
    house.send(bag_zip(house.root / "W1AC6.bag.zip", {"W1AC6": good}))
    house.run()
    assert house.states() == {"W22084": "error", "W1AC6": "complete"}


def renamed(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the same pages as scanned anew, each under another name of the same number."""
    return {path.replace("/0001000", "/0001-000"): content + b" " for path, content in files.items()}


def test_the_archive_copy_is_audited_with_what_earlier_deliveries_left_in_it(house):
    house.send_work("W22084")
    house.run()
    house.send(bag_zip(house.root / "W22084.bag.zip", {"W22084": renamed(work_files("W22084"))}))
    house.run()
    row = max(house.works(), key=lambda row: row.delivery)
    copy = house.archive / "Archive3/84/W22084"
    assert (row.state, row.reason_code) == ("rejected", "audit-failed")
    assert row.reason.startswith(f"The archive copy {copy} failed its audit at ")
    assert {finding["code"] for finding in row.findings} == {"audit-106", "audit-107"}
    assert row.archive_path == str(copy), "it is in the archive all the same"
    pages = {path.name: path for path in house.settings.reports_folder.iterdir()}
    assert sorted(pages) == [f"W22084-{number}-{moment}.html" for number in (1, 2) for moment in ("post", "pre")]
    assert row.action == f"Mend the copy; {pages['W22084-2-post.html']} shows every finding."
    assert "has the number 0001" in pages["W22084-2-post.html"].read_text()


def test_the_audit_of_the_archive_copy_goes_by_the_works_own_options_for_it_or_is_left_out(house):
    post = b"audit: {post: [-D, 'ErrorsAsWarning=106,107']}"
    house.send_work("W22084")
    house.send_work("W1AC6")
    house.run()
    house.send(
        bag_zip(house.root / "W22084.bag.zip", {"W22084": {**renamed(work_files("W22084")), "config/sync.yml": post}})
    )
    house.run()
    assert house.states()["W22084"] == "complete"
    house.config.write_text(house.config.read_text() + "\n[audit]\narchive_copy = false\n")
    house.send(bag_zip(house.root / "W1AC6.bag.zip", {"W1AC6": renamed(work_files("W1AC6"))}))
    house.run()
    assert house.states()["W1AC6"] == "complete"
