from datetime import timedelta

import pytest

from ao_workflows.catalog import (
    Catalog,
    Claim,
    ClaimLost,
    Delivery,
    Outcome,
    RetryPolicy,
    Work,
    WorkState,
    conclude_delivery,
    find_delivery,
    list_works,
    now,
    record_outcome,
    register_works,
    reserve_scratch,
    retry_delivery,
    start_stage,
)
from ao_workflows.errors import MustWait, UsageError
from fixtures.catalog import claim, claim_one, deliver

LEASE = timedelta(minutes=10)
POLICY = RetryPolicy(
    first=timedelta(seconds=60),
    longest=timedelta(seconds=200),
    wait=timedelta(minutes=5),
    restore_check=timedelta(hours=1),
    max_attempts=4,
)
DONE = Outcome(kind="done")
REJECTED = Outcome(kind="rejected", code="audit-failed", message="Page 3 is missing.", action="Scan it.")
ERROR = Outcome(kind="error", code="archive-failed", message="The mount is gone.", action="Mount it.")
WAITING = Outcome(kind="waiting", code="waiting-for-disk", message="Waiting for space.", waiting_for="space")


def end_stage(catalog: Catalog, held: Claim, outcome: Outcome, *, stage: str = "unbag", **others: object) -> None:
    with catalog.transaction() as session:
        start_stage(session, held, stage=stage, lease=LEASE, work_id=others.get("work_id"))
        record_outcome(session, held, outcome, stage=stage, started_at=now(), lease=LEASE, **others)


def unbag(catalog: Catalog, held: Claim, *rids: str) -> list[int]:
    with catalog.transaction() as session:
        works = register_works(session, held, [(rid, 10, 1000) for rid in rids], lease=LEASE)
    end_stage(catalog, held, DONE)
    return works


def archive(catalog: Catalog, held: Claim, work_id: int) -> None:
    with catalog.transaction() as session:
        session.get_one(Work, work_id).archive_path = "/mnt/Archive0/00/W1"
    end_stage(catalog, held, DONE, stage="archive", work_id=work_id, work_state=WorkState.ARCHIVED)


def publish(catalog: Catalog, held: Claim, work_id: int) -> None:
    archive(catalog, held, work_id)
    end_stage(catalog, held, DONE, stage="publish", work_id=work_id, work_state=WorkState.PUBLISHED)


def conclude(catalog: Catalog, held: Claim) -> Delivery:
    with catalog.transaction() as session:
        return conclude_delivery(session, held, policy=POLICY)


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (["published", "published"], "complete"),
        (["published", "rejected"], "rejected"),
        (["published", "archived"], "error"),
        (["rejected", "waiting"], "waiting"),
        (["rejected", "error"], "error"),
        (["waiting", "error"], "error"),
        (["published", "unfinished"], "error"),
    ],
)
def test_a_delivery_stands_where_its_works_leave_it(catalog, ends, state):
    deliver(catalog)
    held = claim_one(catalog)
    outcomes = {"rejected": REJECTED, "waiting": WAITING, "error": ERROR}
    for work_id, end in zip(unbag(catalog, held, "W1", "W2"), ends, strict=True):
        if end == "published":
            publish(catalog, held, work_id)
        elif end == "archived":
            archive(catalog, held, work_id)
        elif end != "unfinished":
            end_stage(catalog, held, outcomes[end], stage="audit", work_id=work_id)
    assert conclude(catalog, held).state == state


def test_a_complete_delivery_has_complete_works_and_is_closed(catalog):
    deliver(catalog)
    held = claim_one(catalog)
    (work_id,) = unbag(catalog, held, "W1")
    publish(catalog, held, work_id)
    delivery = conclude(catalog, held)
    assert delivery.closed_at is not None
    with catalog.reading() as session:
        (row,) = list_works(session)
    assert (row.rid, row.state, row.files, row.bytes) == ("W1", "complete", 10, 1000)
    assert row.archive_path == "/mnt/Archive0/00/W1"


def test_what_stopped_says_why_and_what_to_do(catalog):
    deliver(catalog)
    held = claim_one(catalog)
    end_stage(catalog, held, REJECTED)
    delivery = conclude(catalog, held)
    assert (delivery.reason_code, delivery.reason, delivery.action) == (
        "audit-failed",
        "Page 3 is missing.",
        "Scan it.",
    )


def test_a_reason_may_quote_any_name(catalog):
    deliver(catalog)
    held = claim_one(catalog)
    odd = Outcome(
        kind="rejected", code="name", message="a\0b \udcff \u0f40", detail={"findings": [{"path": "\0\udcff"}]}
    )
    end_stage(catalog, held, odd)
    assert conclude(catalog, held).state == "rejected"
    with catalog.reading() as session:
        (row,) = list_works(session)
    assert row.reason == r"a\x00b \udcff \u0f40".replace(r"\u0f40", "\u0f40")
    assert row.findings == ({"path": "\0\udcff"},)


def test_a_rejected_delivery_is_never_due_again_by_itself(catalog):
    deliver(catalog)
    held = claim_one(catalog)
    end_stage(catalog, held, REJECTED)
    conclude(catalog, held)
    with catalog.transaction() as session:
        assert claim(session) == []


def test_failures_of_the_system_are_tried_again_after_longer_and_longer_pauses_and_then_shown(catalog):
    delivery = deliver(catalog)
    pauses = []
    for _ in range(4):
        with catalog.transaction() as session:
            session.get_one(Delivery, delivery.id).due_at = now()
        held = claim_one(catalog)
        before = now()
        end_stage(catalog, held, ERROR)
        concluded = conclude(catalog, held)
        # Counted from some moment between these two, however long a busy machine takes for that.
        pauses.append(concluded.due_at and (concluded.due_at - now(), concluded.due_at - before))
    assert pauses.pop() is None
    expected = [timedelta(seconds=seconds) for seconds in (60, 120, 200)]
    assert all(least <= pause <= most for pause, (least, most) in zip(expected, pauses, strict=True))
    assert concluded.action == f"Mount it. Then run `ao works retry {delivery.id}`."


def test_a_success_on_the_way_forgives_earlier_failures(catalog):
    delivery = deliver(catalog)
    end_stage(catalog, held := claim_one(catalog), ERROR)
    conclude(catalog, held)
    for outcome in (WAITING, ERROR):
        with catalog.transaction() as session:
            session.get_one(Delivery, delivery.id).due_at = now()
        end_stage(catalog, held := claim_one(catalog), outcome)
        concluded = conclude(catalog, held)
    assert concluded.failures == 1


def test_a_process_that_ended_without_a_word_is_an_error_that_says_so(catalog):
    deliver(catalog)
    delivery = conclude(catalog, claim_one(catalog))
    assert (delivery.state, delivery.reason_code) == ("error", "unfinished")


def test_concluding_again_changes_nothing(catalog):
    deliver(catalog)
    held = claim_one(catalog)
    end_stage(catalog, held, REJECTED)
    first, second = conclude(catalog, held), conclude(catalog, held)
    assert (second.state, second.closed_at, second.updated_at) == (first.state, first.closed_at, first.updated_at)


def test_an_outcome_of_a_lost_claim_is_not_recorded(catalog):
    delivery = deliver(catalog)
    held = claim_one(catalog)
    conclude(catalog, held)
    with pytest.raises(ClaimLost):
        end_stage(catalog, held, DONE)
    with catalog.reading() as session:
        assert session.get_one(Delivery, delivery.id).reason_code == "unfinished"


def test_unbagging_again_keeps_what_the_works_have_reached(catalog):
    delivery = deliver(catalog)
    held = claim_one(catalog)
    archived, audited = unbag(catalog, held, "W1", "W2")
    archive(catalog, held, archived)
    end_stage(catalog, held, ERROR, stage="audit", work_id=audited)
    assert unbag(catalog, held, "W1", "W2") == [archived, audited]
    with catalog.reading() as session:
        states = {row.rid: row.state for row in list_works(session)}
        assert find_delivery(session, "W2").id == find_delivery(session, str(delivery.id)).id == delivery.id
    assert states == {"W1": "archived", "W2": "unbagged"}


def test_scratch_that_is_promised_to_others_is_not_promised_again(catalog):
    deliver(catalog, "W1.bag.zip")
    deliver(catalog, "W2.bag.zip")
    with catalog.transaction() as session:
        first, second = claim(session)
    with catalog.transaction() as session:
        reserve_scratch(session, first, needed=700, free=1000, place="/scratch", lease=LEASE)
    with pytest.raises(MustWait) as wait, catalog.transaction() as session:
        reserve_scratch(session, second, needed=301, free=1000, place="/scratch", lease=LEASE)
    assert wait.value.code == "waiting-for-disk"
    assert "301 bytes are needed, 1 kB are free, and 700 bytes of these are promised" in wait.value.waiting_for
    with catalog.transaction() as session:
        reserve_scratch(session, second, needed=300, free=1000, place="/scratch", lease=LEASE)


def test_a_promise_ends_when_it_is_filled(catalog):
    delivery = deliver(catalog)
    held = claim_one(catalog)
    with catalog.transaction() as session:
        reserve_scratch(session, held, needed=700, free=1000, place="/scratch", lease=LEASE)
    unbag(catalog, held, "W1")
    with catalog.reading() as session:
        assert session.get_one(Delivery, delivery.id).reserved_bytes == 0


def test_a_promise_ends_when_the_delivery_is_concluded(catalog):
    delivery = deliver(catalog)
    held = claim_one(catalog)
    with catalog.transaction() as session:
        reserve_scratch(session, held, needed=700, free=1000, place="/scratch", lease=LEASE)
    assert conclude(catalog, held).reserved_bytes == 0
    assert delivery.reserved_bytes == 0


def test_a_person_can_have_a_rejected_delivery_tried_again(catalog):
    delivery = deliver(catalog)
    held = claim_one(catalog)
    (work_id,) = unbag(catalog, held, "W1")
    end_stage(catalog, held, REJECTED, stage="audit", work_id=work_id)
    conclude(catalog, held)
    with catalog.transaction() as session:
        retry_delivery(session, delivery.id, actor="archivist")
    with catalog.reading() as session:
        (row,) = list_works(session)
    assert (row.state, row.reason) == ("unbagged", "")
    assert claim_one(catalog).attempt == 2


def test_there_is_nothing_to_try_again_of_a_delivery_that_is_not_stopped(catalog):
    delivery = deliver(catalog)
    for number, message in ((delivery.id, "received"), (4711, "no delivery 4711")):
        with pytest.raises(UsageError, match=message), catalog.transaction() as session:
            retry_delivery(session, number, actor="archivist")


def test_a_delivery_that_is_held_is_taken_from_its_holder_only_by_force(catalog):
    delivery = deliver(catalog)
    held = claim_one(catalog)
    with catalog.transaction() as session:
        start_stage(session, held, stage="unbag", lease=LEASE)
    with pytest.raises(UsageError, match="tester has it until") as told, catalog.transaction() as session:
        retry_delivery(session, delivery.id, actor="archivist")
    assert f"ao works retry {delivery.id} --force" in told.value.action
    with catalog.transaction() as session:
        retry_delivery(session, delivery.id, actor="archivist", force=True)
    with pytest.raises(ClaimLost):
        end_stage(catalog, held, DONE)
    assert claim_one(catalog).attempt == 2


def test_an_old_delivery_is_not_tried_again_beside_a_newer_one_of_the_same_object(catalog):
    old = deliver(catalog)
    held = claim_one(catalog)
    end_stage(catalog, held, REJECTED)
    conclude(catalog, held)
    new = deliver(catalog, sequencer="099", event_at=now() + timedelta(days=1))
    with pytest.raises(UsageError, match=f"Delivery {new.id} of the same object"), catalog.transaction() as session:
        retry_delivery(session, old.id, actor="archivist")
