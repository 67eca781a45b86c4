"""How a stage is run, whatever it does."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from ao_workflows.catalog import Catalog, ClaimLost, Delivery, events_of, latest_outcome
from ao_workflows.errors import ContentRejected, Finding, MustWait, SystemFailed
from ao_workflows.settings import ProcessSettings, ScratchSettings, Settings
from ao_workflows.staging.process import Process
from ao_workflows.staging.stage import Stage, StageContext, StageResult, perform
from fixtures.catalog import UPLOADED, claim_one, deliver
from fixtures.catalog import claim as claim_others


@pytest.fixture
def process(tmp_path, catalog: Catalog) -> Process:
    return Process(Settings(home=tmp_path, scratch=ScratchSettings(folder=tmp_path / "scratch")), catalog)


def stage(run, *, done=False) -> Stage:
    return Stage(name="unbag", run=run, is_done=lambda _context: done)


def raising(error: Exception):
    def run(_context: StageContext) -> StageResult:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ContentRejected("bad", code="checksum-mismatch"), "rejected", "checksum-mismatch"),
        (SystemFailed("down", code="storage-failed"), "error", "storage-failed"),
        (MustWait("space", code="waiting-for-disk"), "waiting", "waiting-for-disk"),
        (OSError(5, "Input/output error", "/mnt/Archive0/00"), "error", "disk-failed"),
    ],
)
def test_what_stops_a_stage_is_on_record_with_its_kind_and_code(process, error, kind, code):
    deliver(process.catalog)
    claim = claim_one(process.catalog)
    outcome = perform(process, claim, stage(raising(error)))
    assert (outcome.kind, outcome.code) == (kind, code)
    with process.catalog.reading() as session:
        row = latest_outcome(session, delivery_id=claim.delivery_id, stage="unbag")
        assert (row.outcome, row.code, row.message) == (kind, code, outcome.message)
        assert [event.type for event in events_of(session, claim.delivery_id)][-2:] == ["stage-started", "stage-ended"]


def test_a_failure_of_the_disk_names_the_file(process):
    deliver(process.catalog)
    outcome = perform(process, claim_one(process.catalog), stage(raising(OSError(5, "Input/output error", "/mnt/x"))))
    assert outcome.message == "/mnt/x: Input/output error."


def test_findings_are_on_record(process):
    deliver(process.catalog)
    claim = claim_one(process.catalog)
    finding = Finding(code="checksum-mismatch", path="data/1.jpg", message="m", expected="aa", found="bb")
    perform(process, claim, stage(raising(ContentRejected("bad", findings=[finding]))))
    with process.catalog.reading() as session:
        row = latest_outcome(session, delivery_id=claim.delivery_id, stage="unbag")
    assert row.detail["findings"] == [
        {"code": "checksum-mismatch", "path": "data/1.jpg", "message": "m", "expected": "aa", "found": "bb"}
    ]


def test_what_is_done_is_not_done_again(process):
    deliver(process.catalog)
    assert perform(process, claim_one(process.catalog), stage(raising(AssertionError()), done=True)).kind == "done"


def test_a_fault_of_ours_is_told_as_one_and_stops_nothing_else(process):
    deliver(process.catalog)
    claim = claim_one(process.catalog)
    outcome = perform(process, claim, stage(raising(ZeroDivisionError("division by zero"))))
    assert (outcome.kind, outcome.code) == ("error", "internal-error")
    assert "ZeroDivisionError: division by zero" in outcome.message


def test_a_stage_whose_claim_was_given_to_another_records_nothing(process):
    delivery = deliver(process.catalog)
    old = claim_one(process.catalog)

    def lose_the_claim(_context: StageContext) -> StageResult:
        with process.catalog.transaction() as session:
            session.execute(update(Delivery).values(lease_until=UPLOADED))
        claim_one(process.catalog)
        return StageResult(detail={"files": 1})

    with pytest.raises(ClaimLost):
        perform(process, old, stage(lose_the_claim))
    with process.catalog.reading() as session:
        assert latest_outcome(session, delivery_id=delivery.id, stage="unbag") is None


def test_a_long_stage_keeps_its_claim(tmp_path, catalog, monkeypatch):
    # A lease of a minute is the shortest that can be set; here it is over ten times in a second.
    monkeypatch.setattr(Process, "lease", timedelta(seconds=0.6))
    process = Process(Settings(home=tmp_path, process=ProcessSettings(lease_minutes=1)), catalog)
    deliver(catalog)
    claim = claim_one(catalog)

    def run(_context: StageContext) -> StageResult:
        threading.Event().wait(1.2)
        with catalog.transaction() as session:
            assert claim_others(session) == [], "another holder got the claim of a stage that runs"
        return StageResult()

    assert perform(process, claim, stage(run)).kind == "done"
    assert not [thread for thread in threading.enumerate() if thread.name == "claim-keeper"]
