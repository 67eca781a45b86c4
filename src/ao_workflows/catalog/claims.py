"""Claims: who works on which delivery. A claim is a delivery and its attempt number, held for a limited time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ao_workflows.catalog.database import now
from ao_workflows.catalog.history import add_event
from ao_workflows.catalog.models import Delivery, DeliveryState
from ao_workflows.catalog.turns import take_turn
from ao_workflows.errors import SystemFailed

_HELD = (DeliveryState.CLAIMED, DeliveryState.RUNNING)


class ClaimLost(SystemFailed):
    """Another holder has the delivery now, or it is closed: this holder must stop and change nothing."""

    code = "claim-lost"
    retryable = False


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one delivery.

    :param delivery_id: the delivery.
    :param attempt: counts the claims of the delivery; an older attempt has lost its right.
    :param rid: the RID that the object's name gives, or empty.
    """

    delivery_id: int
    attempt: int
    rid: str

    @property
    def run_id(self) -> str:
        """The claim's name for people and for Airflow; it begins with the RID and is never given twice."""
        return f"{self.rid or 'unnamed'}__d{self.delivery_id}a{self.attempt}"


def claim_due(
    session: Session, *, holder: str, lease: timedelta, max_active: int, max_attempts: int, limit: int | None = None
) -> list[Claim]:
    """Claim the deliveries that are due, as many as there is capacity for, and return their claims.

    The restore that expires first goes first; what never expires follows in order of arrival. Claims whose lease has
    run out are taken back before.

    :param holder: who claims, for people to read.
    :param lease: for how long the claims hold without a sign of life.
    :param max_active: how many deliveries may be held at a time, by all holders together.
    :param max_attempts: after so many failures in a row a person is needed.
    """
    take_turn(session, "claim")
    moment = now()
    _take_back(session, Delivery.lease_until < moment, moment, max_attempts=max_attempts)
    held = session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state.in_(_HELD))) or 0
    room = max(0, max_active - held)
    if limit is not None:
        room = min(room, limit)
    due = session.scalars(
        select(Delivery)
        .where(
            Delivery.state.in_((DeliveryState.RECEIVED, DeliveryState.WAITING, DeliveryState.ERROR)),
            Delivery.due_at <= moment,
        )
        .order_by(Delivery.restore_expires_at.is_(None), Delivery.restore_expires_at, Delivery.id)
        .limit(room)
    ).all()
    claims = []
    for delivery in due:
        delivery.attempt += 1
        delivery.state = DeliveryState.CLAIMED
        delivery.waiting_for = delivery.reason = delivery.reason_code = delivery.action = ""
        delivery.claimed_by = holder
        delivery.lease_until = moment + lease
        delivery.started_at = None
        delivery.updated_at = moment
        detail = {"attempt": delivery.attempt}
        add_event(session, type_="claimed", delivery_id=delivery.id, actor=holder, detail=detail, at=moment)
        claims.append(Claim(delivery.id, delivery.attempt, delivery.rid))
    return claims


def unstarted_claims(session: Session, *, holder: str) -> list[Claim]:
    """Return the claims of ``holder`` of which no stage has started: whoever had to start them may have died before."""
    deliveries = session.scalars(
        select(Delivery)
        .where(Delivery.state == DeliveryState.CLAIMED, Delivery.claimed_by == holder)
        .order_by(Delivery.id)
    )
    return [Claim(delivery.id, delivery.attempt, delivery.rid) for delivery in deliveries]


def hold_claim(session: Session, claim: Claim, *, lease: timedelta) -> Delivery:
    """Return the claim's delivery with its lease renewed.

    :raises ClaimLost: if the delivery is not held by this claim any more.
    """
    delivery = session.get(Delivery, claim.delivery_id, with_for_update=True)
    if delivery is None or delivery.attempt != claim.attempt or delivery.state not in _HELD:
        raise ClaimLost(
            f"Attempt {claim.attempt} no longer holds delivery {claim.delivery_id}: it was given to another or closed.",
            action="Nothing to do; this attempt stops and changes nothing.",
        )
    delivery.lease_until = now() + lease
    return delivery


def give_back(session: Session, claim: Claim) -> None:
    """Give up the claim before its work is done, without counting a failure; the delivery is due at once."""
    delivery = session.get_one(Delivery, claim.delivery_id, with_for_update=True)
    if delivery.attempt != claim.attempt or delivery.state not in _HELD:
        return
    moment = now()
    add_event(session, type_="claim-given-back", delivery_id=delivery.id, detail={"attempt": claim.attempt}, at=moment)
    delivery.state = DeliveryState.RECEIVED
    delivery.due_at = moment
    let_go(delivery, moment)


def release_abandoned(session: Session, is_abandoned: Callable[[str], bool], *, max_attempts: int) -> list[int]:
    """Take back the claims whose holder is known to be gone, without waiting for the lease; return the deliveries.

    :param is_abandoned: tells whether the holder of that name is certainly dead.
    """
    take_turn(session, "claim")
    holders = session.scalars(select(Delivery.claimed_by).where(Delivery.state.in_(_HELD)).distinct()).all()
    gone = [holder for holder in holders if holder is not None and is_abandoned(holder)]
    if not gone:
        return []
    return _take_back(session, Delivery.claimed_by.in_(gone), now(), max_attempts=max_attempts)


def _take_back(session: Session, condition: ColumnElement[bool], moment: datetime, *, max_attempts: int) -> list[int]:
    # A row that its holder is writing at this moment has a holder: it is passed over, and nobody waits.
    chosen = select(Delivery).where(Delivery.state.in_(_HELD), condition).with_for_update(skip_locked=True)
    lost = session.scalars(chosen).all()
    for delivery in lost:
        detail = {"attempt": delivery.attempt, "holder": delivery.claimed_by}
        add_event(session, type_="claim-taken-back", delivery_id=delivery.id, detail=detail, at=moment)
        if delivery.state == DeliveryState.CLAIMED:
            # Nothing was begun (a paused DAG, say), so nothing has failed.
            delivery.state = DeliveryState.RECEIVED
            delivery.due_at = moment
        else:
            _count_failure(delivery, moment, max_attempts=max_attempts)
        let_go(delivery, moment)
    session.flush()
    return [delivery.id for delivery in lost]


def _count_failure(delivery: Delivery, moment: datetime, *, max_attempts: int) -> None:
    delivery.failures += 1
    delivery.state = DeliveryState.ERROR
    delivery.reason_code = "holder-gone"
    delivery.reason = f"{delivery.claimed_by} stopped without a word in attempt {delivery.attempt}."
    exhausted = delivery.failures >= max_attempts
    delivery.action = f"Find out why, then run `ao works retry {delivery.id}`." if exhausted else "It is tried again."
    delivery.due_at = None if exhausted else moment


def let_go(delivery: Delivery, moment: datetime) -> None:
    """Take the delivery from its holder, and back what was promised to it."""
    delivery.claimed_by = delivery.lease_until = None
    delivery.reserved_bytes = 0
    delivery.updated_at = moment
