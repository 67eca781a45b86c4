import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from ao_workflows.catalog import (
    Catalog,
    ClaimLost,
    Delivery,
    DeliveryState,
    give_back,
    hold_claim,
    release_abandoned,
    start_stage,
    unstarted_claims,
)
from fixtures.catalog import UPLOADED, claim, claim_one, deliver

LEASE = timedelta(minutes=10)


def key(number: int) -> str:
    return f"W{number}.bag.zip"


def let_leases_run_out(catalog) -> None:
    with catalog.transaction() as session:
        session.execute(update(Delivery).where(Delivery.lease_until.is_not(None)).values(lease_until=UPLOADED))


def test_the_restore_that_expires_first_is_claimed_first(catalog):
    never = deliver(catalog, key(1))
    late = deliver(catalog, key(2), restore_expires_at=UPLOADED + timedelta(days=9))
    soon = deliver(catalog, key(3), restore_expires_at=UPLOADED + timedelta(days=2))
    with catalog.transaction() as session:
        assert [each.delivery_id for each in claim(session)] == [soon.id, late.id, never.id]


def test_no_more_is_claimed_than_there_is_capacity_for(catalog):
    for number in range(5):
        deliver(catalog, key(number))
    with catalog.transaction() as session:
        assert len(claim(session, max_active=3)) == 3
    with catalog.transaction() as session:
        assert claim(session, max_active=3) == []
    with catalog.transaction() as session:
        assert len(claim(session, max_active=4)) == 1


def test_a_claim_is_named_for_its_work_and_never_twice_the_same(catalog):
    delivery = deliver(catalog, "Archive1/51/W1FPL2251/W1FPL2251.bag.zip")
    first = claim_one(catalog)
    assert first.run_id == f"W1FPL2251__d{delivery.id}a1"
    let_leases_run_out(catalog)
    assert claim_one(catalog).run_id == f"W1FPL2251__d{delivery.id}a2"


def test_the_claim_of_a_delivery_whose_name_gives_no_rid_has_a_name_too(catalog):
    delivery = deliver(catalog, ".bag.zip")
    assert claim_one(catalog).run_id == f"unnamed__d{delivery.id}a1"


def test_a_silent_holder_loses_its_claim_and_can_change_nothing_any_more(catalog):
    deliver(catalog)
    old = claim_one(catalog)
    let_leases_run_out(catalog)
    new = claim_one(catalog)
    with pytest.raises(ClaimLost) as lost, catalog.transaction() as session:
        hold_claim(session, old, lease=LEASE)
    assert lost.value.code == "claim-lost"
    with catalog.transaction() as session:
        hold_claim(session, new, lease=LEASE)


def test_a_holder_that_shows_signs_of_life_keeps_its_claim(catalog):
    deliver(catalog)
    held = claim_one(catalog)
    let_leases_run_out(catalog)
    with catalog.transaction() as session:
        hold_claim(session, held, lease=LEASE)
    with catalog.transaction() as session:
        assert claim(session) == []


def test_a_delivery_whose_holders_die_again_and_again_waits_for_a_person(catalog):
    delivery = deliver(catalog)
    for _ in range(3):
        held = claim_one(catalog)
        with catalog.transaction() as session:
            start_stage(session, held, stage="unbag", lease=LEASE)
        let_leases_run_out(catalog)
    with catalog.transaction() as session:
        assert claim(session) == []
        row = session.get_one(Delivery, delivery.id)
    assert row.state == DeliveryState.ERROR
    assert row.due_at is None
    assert f"ao works retry {delivery.id}" in row.action


def test_a_claim_that_nobody_started_is_given_anew_and_no_failure(catalog):
    delivery = deliver(catalog)
    for attempt in range(1, 9):
        assert claim_one(catalog).attempt == attempt
        let_leases_run_out(catalog)
    with catalog.reading() as session:
        assert session.get_one(Delivery, delivery.id).failures == 0


def test_a_claim_that_is_renewed_at_this_moment_is_not_taken_back(postgres_url):
    catalog = Catalog(postgres_url)
    catalog.upgrade()
    deliver(catalog)
    held = claim_one(catalog)
    let_leases_run_out(catalog)
    with catalog.transaction() as renewing:
        hold_claim(renewing, held, lease=LEASE)
        renewing.flush()
        with catalog.transaction() as other:
            assert claim(other) == []
    with catalog.transaction() as session:
        hold_claim(session, held, lease=LEASE)
    catalog.close()


def test_claims_of_holders_that_are_gone_are_taken_back_at_once(catalog):
    gone, alive = deliver(catalog, key(1)), deliver(catalog, key(2))
    with catalog.transaction() as session:
        claim(session, holder="gone", limit=1)
        claim(session, holder="alive", limit=1)
    with catalog.transaction() as session:
        assert release_abandoned(session, lambda holder: holder == "gone", max_attempts=3) == [gone.id]
    with catalog.transaction() as session:
        assert [each.delivery_id for each in claim(session)] == [gone.id]
        assert session.get_one(Delivery, alive.id).claimed_by == "alive"


def test_a_claim_that_is_given_back_is_due_at_once_and_no_failure(catalog):
    delivery = deliver(catalog)
    held = claim_one(catalog)
    with catalog.transaction() as session:
        give_back(session, held)
    with catalog.reading() as session:
        row = session.get_one(Delivery, delivery.id)
    assert (row.state, row.failures, row.claimed_by) == (DeliveryState.RECEIVED, 0, None)
    assert claim_one(catalog).attempt == 2


def test_a_claim_of_which_no_stage_has_started_is_found_again(catalog):
    deliver(catalog, key(1))
    deliver(catalog, key(2))
    with catalog.transaction() as session:
        first, second = claim(session)
    with catalog.transaction() as session:
        start_stage(session, first, stage="unbag", lease=LEASE)
    with catalog.reading() as session:
        assert unstarted_claims(session, holder="tester") == [second]
        assert unstarted_claims(session, holder="another") == []


def test_claimers_at_the_same_time_share_the_work_and_keep_to_the_capacity(catalog):
    for number in range(12):
        deliver(catalog, key(number))
    claimed: list[int] = []
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def compete() -> None:
        try:
            start.wait()
            for _ in range(4):
                with catalog.transaction() as session:
                    claimed.extend(each.delivery_id for each in claim(session, max_active=7, limit=1))
        except BaseException as error:  # noqa: BLE001  # told by the assertion below, not lost in a thread
            failures.append(error)

    threads = [threading.Thread(target=compete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(claimed) == len(set(claimed)) == 7
    with catalog.reading() as session:
        held = session.scalars(select(Delivery).where(Delivery.state == DeliveryState.CLAIMED)).all()
    assert sorted(row.id for row in held) == sorted(claimed)
