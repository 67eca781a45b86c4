from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ao_workflows.catalog import (
    Catalog,
    Delivery,
    DeliveryState,
    MessageReceipt,
    Outcome,
    RetryPolicy,
    conclude_delivery,
    events_of,
    messages_not_understood,
    now,
    record_arrival,
    record_message,
    record_outcome,
    start_stage,
)
from fixtures.catalog import UPLOADED, arrival, claim, deliver

DAY = timedelta(days=1)
POLICY = RetryPolicy(
    first=timedelta(seconds=60),
    longest=timedelta(hours=1),
    wait=timedelta(minutes=5),
    restore_check=DAY,
    max_attempts=3,
)
LEASE = timedelta(minutes=10)

UPLOAD = arrival(event_name="ObjectCreated:Put", sequencer="001")
RESTORE = arrival(event_name="ObjectRestore:Completed", sequencer="002", event_at=UPLOADED + DAY)


def close(catalog: Catalog, delivery: Delivery, *, kind: str = "rejected") -> None:
    """Bring a delivery to its end, as its stages would."""
    with catalog.transaction() as session:
        (held,) = claim(session)
        assert held.delivery_id == delivery.id
        start_stage(session, held, stage="unbag", lease=LEASE)
        outcome = Outcome(kind=kind, code="checksum-mismatch", message="A file is damaged.")
        record_outcome(session, held, outcome, stage="unbag", started_at=now(), lease=LEASE)
        conclude_delivery(session, held, policy=POLICY)


def deliveries(catalog: Catalog) -> int:
    with catalog.reading() as session:
        return session.scalar(select(func.count()).select_from(Delivery))


def test_the_same_event_received_three_times_is_one_delivery(catalog):
    first = deliver(catalog)
    assert [deliver(catalog).id, deliver(catalog).id] == [first.id, first.id]
    assert deliveries(catalog) == 1
    with catalog.reading() as session:
        assert [event.type for event in events_of(session, first.id)] == ["received"]


def test_the_events_of_upload_and_restore_are_one_delivery(catalog):
    with catalog.transaction() as session:
        uploaded, is_new = record_arrival(session, UPLOAD)
        restored, is_new_too = record_arrival(session, RESTORE)
    assert (is_new, is_new_too) == (True, False)
    assert uploaded.id == restored.id


@given(received=st.lists(st.sampled_from([UPLOAD, RESTORE]), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_events_of_one_object_in_any_order_and_number_are_one_delivery(catalog, received):
    with catalog.transaction() as session:
        for event in received:
            record_arrival(session, event)
    assert deliveries(catalog) == 1


def test_other_content_under_the_same_key_is_another_delivery(catalog):
    assert deliver(catalog, version="etag-1").id != deliver(catalog, version="etag-2", sequencer="009").id


def test_the_restore_wakes_a_delivery_that_waits_for_it_and_says_when_it_expires(catalog):
    delivery = deliver(catalog)
    with catalog.transaction() as session:
        (held,) = claim(session)
        start_stage(session, held, stage="unbag", lease=LEASE)
        waiting = Outcome(kind="waiting", code="waiting-for-restore", message="…", waiting_for="its restore")
        record_outcome(session, held, waiting, stage="unbag", started_at=now(), lease=LEASE)
        concluded = conclude_delivery(session, held, policy=POLICY)
    assert concluded.state == DeliveryState.WAITING
    with catalog.transaction() as session:
        assert claim(session) == []
    expiry = UPLOADED + 7 * DAY
    deliver(catalog, event_name="ObjectRestore:Completed", sequencer="002", restore_expires_at=expiry)
    with catalog.transaction() as session:
        (woken,) = claim(session)
        assert session.get_one(Delivery, delivery.id).restore_expires_at == expiry
    assert (woken.delivery_id, woken.attempt) == (delivery.id, 2)


def test_a_restore_that_completes_while_its_object_is_tried_is_not_slept_through(catalog):
    deliver(catalog)
    with catalog.transaction() as session:
        (held,) = claim(session)
        start_stage(session, held, stage="unbag", lease=LEASE)
    deliver(catalog, event_name="ObjectRestore:Completed", sequencer="002")
    with catalog.transaction() as session:
        waiting = Outcome(kind="waiting", code="waiting-for-restore", message="…", waiting_for="its restore")
        record_outcome(session, held, waiting, stage="unbag", started_at=now(), lease=LEASE)
        conclude_delivery(session, held, policy=POLICY)
    with catalog.transaction() as session:
        assert len(claim(session)) == 1


@pytest.mark.parametrize("is_drained", ["before the attempt ends", "after the attempt ended"])
def test_an_object_that_comes_again_while_an_attempt_misses_it_is_not_lost(catalog, is_drained):
    first = deliver(catalog)
    with catalog.transaction() as session:
        (held,) = claim(session)
        start_stage(session, held, stage="unbag", lease=LEASE)
        gone = Outcome(kind="rejected", code="source-gone", message="It is not there.")
        record_outcome(session, held, gone, stage="unbag", started_at=now(), lease=LEASE)
    uploaded_again = now()
    if is_drained == "before the attempt ends":
        deliver(catalog, sequencer="002", event_at=uploaded_again)
    with catalog.transaction() as session:
        conclude_delivery(session, held, policy=POLICY)
    if is_drained == "after the attempt ended":
        assert deliver(catalog, sequencer="002", event_at=uploaded_again).id != first.id
    with catalog.transaction() as session:
        assert len(claim(session)) == 1


def test_an_event_that_comes_late_does_not_open_a_closed_delivery_again(catalog):
    delivery = deliver(catalog, event_name="ObjectRestore:Completed", sequencer="002")
    close(catalog, delivery)
    assert deliver(catalog, sequencer="001", event_at=UPLOADED).id == delivery.id
    assert deliveries(catalog) == 1


def test_a_new_restore_of_the_same_object_after_its_delivery_was_closed_is_a_new_delivery(catalog):
    delivery = deliver(catalog)
    close(catalog, delivery)
    again = deliver(catalog, event_name="ObjectRestore:Completed", sequencer="777", event_at=now() + DAY)
    assert again.id != delivery.id
    assert again.state == DeliveryState.RECEIVED


def test_a_message_is_kept_whole_and_once(catalog):
    for _ in range(2):
        with catalog.transaction() as session:
            record_message(session, queue="q", message_id="m-1", body="{not json", disposition="test")
    with catalog.reading() as session:
        (receipt,) = session.scalars(select(MessageReceipt))
    assert (receipt.body, receipt.receive_count) == ("{not json", 2)


def test_a_message_that_is_not_understood_is_shown_to_people(catalog):
    with catalog.transaction() as session:
        record_message(session, queue="q", message_id="m-1", body="?", disposition="not-understood", problem="no JSON")
    with catalog.reading() as session:
        (message,) = messages_not_understood(session)
    assert (message.body, message.problem) == ("?", "no JSON")


def test_nothing_of_a_transaction_that_fails_is_recorded(catalog):
    def interrupted() -> None:
        with catalog.transaction() as session:
            record_arrival(session, UPLOAD)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert deliveries(catalog) == 0
