"""Stages and their outcomes: how a delivery and its works move from state to state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ao_workflows.catalog.claims import Claim, hold_claim, let_go
from ao_workflows.catalog.database import now
from ao_workflows.catalog.history import add_event
from ao_workflows.catalog.models import OBJECT_MISSED, Arrival, Delivery, DeliveryState, StageOutcome, Work, WorkState
from ao_workflows.catalog.turns import take_turn
from ao_workflows.errors import MustWait, UsageError
from ao_workflows.units import size_text

UNBAG = "unbag"
"""The one stage that concerns the delivery as a whole; the others concern one work each."""

ARCHIVE = "archive"
"""The stage after which a work is safe in the archive file system."""

_UNFINISHED = {
    WorkState.UNBAGGED: "audited",
    WorkState.AUDITED: "archived",
    WorkState.ARCHIVED: "published",
}
"""States from which a work has something before it, and what that is."""

_STOPPED = frozenset({DeliveryState.REJECTED, DeliveryState.ERROR, DeliveryState.WAITING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a stage ended.

    :param kind: ``done``, ``rejected`` (the content is bad), ``error`` (the system failed) or ``waiting``.
    :param code: the stable code of what stopped it; empty when done.
    :param message: what happened, for the operator; empty when done.
    :param action: the operator's next step.
    :param waiting_for: what is awaited, only when waiting.
    :param detail: figures and findings, as JSON.
    """

    kind: Literal["done", "rejected", "error", "waiting"]
    code: str = ""
    message: str = ""
    action: str = ""
    waiting_for: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a delivery that stopped is looked at again.

    :param first: the pause after the first failure; it doubles with every further one up to ``longest``.
    :param wait: the pause while it waits for disk, another sync and the like.
    :param restore_check: the pause while it waits for a restore, whose event normally wakes it sooner.
    :param max_attempts: failures in a row after which a person is needed.
    """

    first: timedelta
    longest: timedelta
    wait: timedelta
    restore_check: timedelta
    max_attempts: int

    def pause_after(self, failures: int) -> timedelta | None:
        """Return the pause after that many failures in a row, or ``None`` when a person is needed."""
        if failures >= self.max_attempts:
            return None
        # 2**30 first pauses are longer than any longest pause; the bound keeps the product in range.
        return min(self.first * (1 << min(failures - 1, 30)), self.longest)


def start_stage(session: Session, claim: Claim, *, stage: str, work_id: int | None = None, lease: timedelta) -> None:
    """Record that a stage starts. :raises ClaimLost: if the claim does not hold any more."""
    delivery = hold_claim(session, claim, lease=lease)
    delivery.state = DeliveryState.RUNNING
    delivery.updated_at = now()
    delivery.started_at = delivery.started_at or delivery.updated_at
    detail = {"stage": stage, "attempt": claim.attempt}
    add_event(session, type_="stage-started", delivery_id=delivery.id, work_id=work_id, detail=detail)


def latest_outcome(
    session: Session, *, delivery_id: int, stage: str, work_id: int | None = None
) -> StageOutcome | None:
    """Return how the stage ended when it last ran, ``None`` if it never did."""
    return session.scalar(
        select(StageOutcome)
        .where(
            StageOutcome.delivery_id == delivery_id,
            StageOutcome.stage == stage,
            StageOutcome.work_id.is_not_distinct_from(work_id),
        )
        .order_by(StageOutcome.id.desc())
        .limit(1)
    )


def record_outcome(
    session: Session,
    claim: Claim,
    outcome: Outcome,
    *,
    stage: str,
    started_at: datetime,
    lease: timedelta,
    work_id: int | None = None,
    work_state: WorkState | None = None,
) -> None:
    """Record how a stage ended, with its event, in the caller's transaction.

    :param work_state: the state that the stage's work has when the stage is done.
    :raises ClaimLost: if the claim does not hold any more; nothing is recorded then.
    """
    delivery = hold_claim(session, claim, lease=lease)
    moment = now()
    session.add(
        StageOutcome(
            delivery_id=delivery.id,
            work_id=work_id,
            stage=stage,
            attempt=claim.attempt,
            outcome=outcome.kind,
            code=outcome.code,
            message=outcome.message,
            action=outcome.action,
            waiting_for=outcome.waiting_for,
            detail=outcome.detail,
            started_at=started_at,
            ended_at=moment,
        )
    )
    detail = {"stage": stage, "attempt": claim.attempt, "code": outcome.code, "message": outcome.message}
    add_event(
        session,
        type_="stage-ended",
        outcome=outcome.kind,
        delivery_id=delivery.id,
        work_id=work_id,
        detail=detail,
        at=moment,
    )
    if work_id is not None:
        work = session.get_one(Work, work_id)
        if outcome.kind != "done":
            work.state = WorkState(outcome.kind)
        elif work_state is not None:
            work.state = work_state
        _explain(work, outcome)
        work.updated_at = moment
    delivery.updated_at = moment


def register_works(
    session: Session, claim: Claim, works: Sequence[tuple[str, int, int]], *, lease: timedelta
) -> list[int]:
    """Record the works that a delivery holds, as (RID, files, bytes); return their ids in that order.

    A work that is known and has got further keeps its state.

    :raises ClaimLost: if the claim does not hold any more.
    """
    delivery = hold_claim(session, claim, lease=lease)
    delivery.reserved_bytes = 0
    known = {work.rid: work for work in delivery.works}
    ids = []
    for rid, files, size in works:
        work = known.get(rid)
        if work is None:
            work = Work(delivery_id=delivery.id, rid=rid)
            session.add(work)
        if work.state not in {WorkState.ARCHIVED, WorkState.PUBLISHED, WorkState.COMPLETE}:
            work.state = WorkState.UNBAGGED
            _explain(work, Outcome(kind="done"))
        work.files, work.bytes, work.updated_at = files, size, now()
        session.flush()
        ids.append(work.id)
    return ids


def reserve_scratch(session: Session, claim: Claim, *, needed: int, free: int, place: str, lease: timedelta) -> None:
    """Promise ``needed`` bytes of scratch to the claim's delivery.

    What is promised to others counts in full until they have filled it, which errs on the side of waiting.

    :param free: the bytes that may be used in all at this moment.
    :param place: the folder, for the message.
    :raises MustWait: if the space is not there. :raises ClaimLost: if the claim does not hold any more.
    """
    take_turn(session, "scratch")
    delivery = hold_claim(session, claim, lease=lease)
    others = session.scalar(select(func.sum(Delivery.reserved_bytes)).where(Delivery.id != delivery.id)) or 0
    if needed > free - others:
        raise MustWait(
            f"disk space in {place}: {size_text(needed)} are needed, {size_text(max(free, 0))} are free, and "
            f"{size_text(others)} of these are promised to other deliveries",
            action="Free some space, or wait until other deliveries are archived.",
            code="waiting-for-disk",
        )
    delivery.reserved_bytes = needed


def conclude_delivery(session: Session, claim: Claim, *, policy: RetryPolicy) -> Delivery:
    """Give up the claim, set the state of the delivery that follows from its stages, and return it.

    A work that has passed its last stage is complete, whatever became of the others. For the delivery, an error
    outweighs waiting, waiting outweighs a rejection, and it is complete only when every one of its works is. Concluding
    again changes nothing.
    """
    delivery = session.get_one(Delivery, claim.delivery_id, with_for_update=True)
    if delivery.attempt != claim.attempt or delivery.claimed_by is None:
        return delivery
    moment = now()
    for work in delivery.works:
        if work.state == WorkState.PUBLISHED:
            work.state = WorkState.COMPLETE
            work.updated_at = moment
    result = _result_of(session, claim, delivery)
    if result.code in OBJECT_MISSED and _announced_since_start(session, delivery):
        result = Outcome(
            kind="waiting",
            code="object-announced-again",
            message="Waiting for another look: the object was announced again meanwhile.",
            waiting_for="another look: the object was announced again meanwhile",
        )
    delivery.state = DeliveryState(result.kind) if result.kind != "done" else DeliveryState.COMPLETE
    _explain(delivery, result)
    let_go(delivery, moment)
    delivery.due_at = None
    if result.kind == "error":
        delivery.failures += 1
        pause = policy.pause_after(delivery.failures)
        if pause is None:
            delivery.action = f"{result.action} Then run `ao works retry {delivery.id}`.".lstrip()
        else:
            delivery.due_at = moment + pause
    else:
        delivery.failures = 0
    if result.kind == "waiting":
        delivery.due_at = _due_of_waiting(session, delivery, moment, policy)
    if not delivery.is_open:
        delivery.closed_at = moment
    detail = {"attempt": claim.attempt, "code": result.code, "message": result.message}
    add_event(session, type_="concluded", outcome=delivery.state, delivery_id=delivery.id, detail=detail, at=moment)
    return delivery


def retry_delivery(session: Session, delivery_id: int, *, actor: str, force: bool = False) -> Delivery:
    """Make a delivery due again that was rejected, failed or waits; its works go on from what is still true.

    :param force: also take it from a holder, who can change nothing any more then.
    :raises UsageError: if there is no such delivery, or nothing to try again.
    """
    take_turn(session, "ledger")
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise UsageError(f"There is no delivery {delivery_id}.", action="See `ao works list`.")
    if delivery.claimed_by is not None and not force:
        raise UsageError(
            f"Delivery {delivery_id} is {delivery.state}: {delivery.claimed_by} has it until "
            f"{delivery.lease_until:%Y-%m-%d %H:%M} UTC at least.",
            action=f"If that is certainly gone, run `ao works retry {delivery_id} --force`.",
        )
    if delivery.claimed_by is None and delivery.state not in _STOPPED:
        raise UsageError(f"Delivery {delivery_id} is {delivery.state}: there is nothing to try again.")
    same = select(Delivery.id).where(
        Delivery.id != delivery.id,
        Delivery.bucket == delivery.bucket,
        Delivery.object_key == delivery.object_key,
        Delivery.object_version == delivery.object_version,
        Delivery.state.not_in((DeliveryState.COMPLETE, DeliveryState.REJECTED)),
    )
    if (other := session.scalar(same)) is not None:
        raise UsageError(f"Delivery {other} of the same object is in progress.", action=f"Follow delivery {other}.")
    moment = now()
    let_go(delivery, moment)
    delivery.state = DeliveryState.RECEIVED
    _explain(delivery, Outcome(kind="done"))
    delivery.closed_at = None
    delivery.failures = 0
    delivery.due_at = moment
    for work in delivery.works:
        if work.state in {WorkState.REJECTED, WorkState.ERROR, WorkState.WAITING}:
            archived = latest_outcome(session, delivery_id=delivery.id, stage=ARCHIVE, work_id=work.id)
            # What is in the archive need not be fetched again to be published.
            is_there = archived is not None and archived.outcome == "done" and work.archive_path
            work.state = WorkState.ARCHIVED if is_there else WorkState.UNBAGGED
            _explain(work, Outcome(kind="done"))
    add_event(session, type_="retry-asked", delivery_id=delivery.id, actor=actor, at=moment)
    return delivery


def _result_of(session: Session, claim: Claim, delivery: Delivery) -> Outcome:
    unbag = latest_outcome(session, delivery_id=delivery.id, stage=UNBAG)
    if unbag is not None and unbag.attempt == claim.attempt and unbag.outcome != "done":
        return _outcome_of(unbag)
    if unbag is None or unbag.outcome != "done" or not delivery.works:
        return _unfinished(f"attempt {claim.attempt} ended before the delivery was opened")
    for state in (WorkState.ERROR, WorkState.WAITING, *_UNFINISHED, WorkState.REJECTED):
        works = [work for work in delivery.works if work.state == state]
        if not works:
            continue
        work = works[0]
        if state in _UNFINISHED:
            return _unfinished(f"attempt {claim.attempt} ended before {work.rid} was {_UNFINISHED[state]}")
        more = f" (and {len(works) - 1} more of its works)" if len(works) > 1 else ""
        return Outcome(
            kind=state.value,  # type: ignore[arg-type]  # the three states here have the names of outcomes
            code=work.reason_code,
            message=work.reason + more,
            action=work.action,
            waiting_for=work.waiting_for,
        )
    return Outcome(kind="done")


def _outcome_of(row: StageOutcome) -> Outcome:
    return Outcome(
        kind=row.outcome,  # type: ignore[arg-type]  # the database allows only these words
        code=row.code,
        message=row.message,
        action=row.action,
        waiting_for=row.waiting_for,
    )


def _unfinished(what: str) -> Outcome:
    return Outcome(
        kind="error", code="unfinished", message=f"Its process stopped: {what}.", action="It is tried again."
    )


def _due_of_waiting(session: Session, delivery: Delivery, moment: datetime, policy: RetryPolicy) -> datetime:
    if delivery.reason_code == "object-announced-again":
        return moment
    if delivery.reason_code != "waiting-for-restore":
        return moment + policy.wait
    return moment if _announced_since_start(session, delivery) else moment + policy.restore_check


def _announced_since_start(session: Session, delivery: Delivery) -> bool:
    """Tell whether an event came while this attempt ran: it could not wake a delivery that was not waiting yet."""
    news = select(Arrival.id).where(Arrival.delivery_id == delivery.id, Arrival.received_at >= delivery.started_at)
    return session.scalar(news.limit(1)) is not None


def _explain(subject: Delivery | Work, outcome: Outcome) -> None:
    """Say on ``subject`` why it stands where it does; when the stage is done, clear what an earlier run said."""
    subject.reason_code = outcome.code
    subject.reason = outcome.message
    subject.action = outcome.action
    subject.waiting_for = outcome.waiting_for
