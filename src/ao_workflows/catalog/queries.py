"""What people and pages ask of the catalog; nothing here changes anything."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from ao_workflows.catalog.models import Delivery, DeliveryState, Event, MessageReceipt, StageOutcome, Work

FINDINGS_IN_LIST = 5
"""How many findings of a work a list shows; the work itself shows more."""

MAX_NUMBER = 2**63 - 1
"""The largest number that a delivery can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """One work as a list shows it; a delivery that is not opened yet is a row of its own.

    :param delivery: the delivery's number.
    :param source: the path or ``s3://`` address of the delivery.
    :param findings: what was wrong with the content, when it was rejected.
    :param seconds: how long the delivery's last attempt took or has taken; ``None`` before the first.
    """

    rid: str
    state: str
    reason_code: str
    reason: str
    action: str
    waiting_for: str
    files: int
    bytes: int
    archive_path: str
    web_address: str
    delivery: int
    source: str
    attempt: int
    received: datetime
    updated: datetime
    seconds: float | None
    findings: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON; times in ISO 8601, UTC."""
        document = asdict(self)
        document["received"] = self.received.isoformat()
        document["updated"] = self.updated.isoformat()
        return document


def list_works(session: Session, *, states: Sequence[str] = ()) -> list[WorkRow]:
    """Return works in order of arrival, those of unopened deliveries included, each with its first findings.

    :param states: only works in one of these states.
    """
    deliveries = session.scalars(select(Delivery).options(selectinload(Delivery.works)).order_by(Delivery.id)).all()
    findings = _findings(session)
    rows = [row for delivery in deliveries for row in _rows_of(delivery, findings, most=FINDINGS_IN_LIST)]
    return [row for row in rows if not states or row.state in states]


def works_of(session: Session, delivery: Delivery) -> list[WorkRow]:
    """Return the works of one delivery, each with all of its findings that are on record."""
    return _rows_of(delivery, _findings(session, delivery_id=delivery.id), most=None)


def find_delivery(session: Session, name: str) -> Delivery | None:
    """Return the newest delivery that ``name`` means: a delivery's number or a RID."""
    if name.isascii() and name.isdigit():
        number = int(name)
        return session.get(Delivery, number) if number <= MAX_NUMBER else None
    if not name.isascii():
        return None  # no RID, and perhaps nothing that a database can be asked for
    held = select(Work.delivery_id).where(Work.rid == name)
    return session.scalar(
        select(Delivery).where(or_(Delivery.rid == name, Delivery.id.in_(held))).order_by(Delivery.id.desc()).limit(1)
    )


def closed_deliveries(session: Session, deliveries: Sequence[int]) -> list[int]:
    """Return those of ``deliveries`` that are on record as complete or rejected."""
    closed = (DeliveryState.COMPLETE, DeliveryState.REJECTED)
    asked = select(Delivery.id).where(Delivery.id.in_(deliveries), Delivery.state.in_(closed)).order_by(Delivery.id)
    return list(session.scalars(asked))


def known_buckets(session: Session) -> list[tuple[str, str]]:
    """Return the buckets that deliveries came from, each with the queue that announced them."""
    asked = select(Delivery.bucket, Delivery.queue).where(Delivery.kind == "s3").distinct().order_by(Delivery.bucket)
    return [(bucket, queue) for bucket, queue in session.execute(asked)]


def events_of(session: Session, delivery_id: int) -> list[Event]:
    """Return a delivery's history, oldest first."""
    return list(session.scalars(select(Event).where(Event.delivery_id == delivery_id).order_by(Event.id)))


def messages_not_understood(session: Session) -> list[MessageReceipt]:
    """Return the queue messages that a person has to look at, oldest first."""
    return list(
        session.scalars(
            select(MessageReceipt).where(MessageReceipt.disposition == "not-understood").order_by(MessageReceipt.id)
        )
    )


_Findings = dict[tuple[int, int | None], tuple[dict[str, Any], ...]]
"""Findings by the delivery and the work (``None``: the delivery as a whole) that they are about."""


def _rows_of(delivery: Delivery, findings: _Findings, *, most: int | None) -> list[WorkRow]:
    seconds = None
    if delivery.started_at is not None:
        seconds = round((delivery.updated_at - delivery.started_at).total_seconds(), 3)
    subjects: Sequence[Work | Delivery] = delivery.works or [delivery]
    return [
        WorkRow(
            rid=subject.rid,
            state=subject.state,
            reason_code=subject.reason_code,
            reason=subject.reason,
            action=subject.action,
            waiting_for=subject.waiting_for,
            files=subject.files if isinstance(subject, Work) else 0,
            bytes=subject.bytes if isinstance(subject, Work) else 0,
            archive_path=subject.archive_path if isinstance(subject, Work) else "",
            web_address=subject.web_address if isinstance(subject, Work) else "",
            delivery=delivery.id,
            source=delivery.source,
            attempt=delivery.attempt,
            received=delivery.received_at,
            updated=subject.updated_at,
            seconds=seconds,
            findings=_findings_of(subject, delivery, findings)[:most],
        )
        for subject in subjects
    ]


def _findings_of(subject: Work | Delivery, delivery: Delivery, findings: _Findings) -> tuple[dict[str, Any], ...]:
    """Return the findings that ``subject`` is rejected for; what an earlier attempt found is history."""
    if subject.state != DeliveryState.REJECTED:
        return ()
    return findings.get((delivery.id, subject.id if isinstance(subject, Work) else None), ())


def _findings(session: Session, *, delivery_id: int | None = None) -> _Findings:
    """Return what the last rejection of each delivery and work found, or only of one delivery's."""
    asked = select(StageOutcome).where(StageOutcome.outcome == "rejected").order_by(StageOutcome.id)
    if delivery_id is not None:
        asked = asked.where(StageOutcome.delivery_id == delivery_id)
    rejected = session.scalars(asked)
    return {(row.delivery_id, row.work_id): tuple(row.detail.get("findings", ())) for row in rejected}
