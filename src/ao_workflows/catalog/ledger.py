"""The ledger's intake side: messages and arrivals, each recorded once however often it is received."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ao_workflows.catalog.database import now
from ao_workflows.catalog.history import add_event
from ao_workflows.catalog.models import OBJECT_MISSED, Arrival, Delivery, DeliveryState, MessageReceipt
from ao_workflows.catalog.turns import take_turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectArrival:
    """One announcement that an object can be taken.

    :param kind: ``s3`` or ``drop``.
    :param bucket: the bucket, empty for a dropped file.
    :param key: the object's key, or the dropped file's absolute path.
    :param version: what pins the content: version id, eTag, or a dropped file's inode, size and time.
    :param sequencer: S3's own order of events for one key; empty when the event has none.
    :param event_at: when S3 says that it happened; ``None`` when the event does not say.
    :param restore_expires_at: until when the restored copy is kept.
    :param rid: the RID that the object's name gives, or empty.
    """

    kind: str
    bucket: str
    key: str
    version: str
    version_id: str | None = None
    etag: str = ""
    sequencer: str = ""
    event_name: str
    event_at: datetime | None = None
    restore_expires_at: datetime | None = None
    size: int = 0
    queue: str = ""
    rid: str = ""


def make_sure_of_ledger(session: Session) -> None:
    """Write, so that a catalog that cannot be written fails here."""
    take_turn(session, "ledger")


def record_message(
    session: Session, *, queue: str, message_id: str, body: str, disposition: str, problem: str = ""
) -> bool:
    """Put a queue message on record, whole; return whether it is seen for the first time.

    :param disposition: ``delivered``, ``test``, ``ignored`` or ``not-understood`` (then with the ``problem``).
    """
    take_turn(session, "ledger")
    known = session.scalar(
        select(MessageReceipt).where(MessageReceipt.queue == queue, MessageReceipt.message_id == message_id)
    )
    if known is not None:
        known.receive_count += 1
        return False
    moment = now()
    session.add(
        MessageReceipt(
            queue=queue,
            message_id=message_id,
            body=body,
            disposition=disposition,
            problem=problem,
            received_at=moment,
        )
    )
    if disposition == "not-understood":
        detail = {"queue": queue, "message_id": message_id, "problem": problem}
        add_event(session, type_="message", outcome="not-understood", detail=detail, at=moment)
    return True


def record_arrival(session: Session, arrival: ObjectArrival) -> tuple[Delivery, bool]:
    """Record an arrival and return its delivery, and whether the delivery is new.

    The same announcement twice changes nothing. Another announcement of content whose delivery is still open (the
    upload's event and the restore's event, say) belongs to that delivery and wakes it if it waits. Once the delivery is
    closed, only an announcement of something that happened after the closing opens a new one: an event that was merely
    late does not.
    """
    take_turn(session, "ledger")
    known = session.scalar(
        select(Arrival).where(
            Arrival.bucket == arrival.bucket,
            Arrival.object_key == arrival.key,
            Arrival.object_version == arrival.version,
            Arrival.sequencer == arrival.sequencer,
            Arrival.event_name == arrival.event_name,
        )
    )
    if known is not None:
        return session.get_one(Delivery, known.delivery_id), False
    latest = session.scalar(
        select(Delivery)
        .where(
            Delivery.bucket == arrival.bucket,
            Delivery.object_key == arrival.key,
            Delivery.object_version == arrival.version,
        )
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    moment = now()
    if latest is None or _happened_after_closing(arrival, latest):
        delivery, is_new = _new_delivery(session, arrival, moment), True
    else:
        delivery, is_new = latest, False
        _announce_again(session, arrival, delivery, moment)
    session.add(
        Arrival(
            delivery_id=delivery.id,
            bucket=arrival.bucket,
            object_key=arrival.key,
            object_version=arrival.version,
            sequencer=arrival.sequencer,
            event_name=arrival.event_name,
            event_at=arrival.event_at,
            received_at=moment,
        )
    )
    return delivery, is_new


def _happened_after_closing(arrival: ObjectArrival, delivery: Delivery) -> bool:
    if delivery.closed_at is None:
        return False
    # An object that was missed may have come again while the attempt that missed it was coming to its end.
    missed = delivery.reason_code in OBJECT_MISSED
    looked_at = (delivery.started_at if missed else None) or delivery.closed_at
    return arrival.event_at is None or arrival.event_at > looked_at


def _new_delivery(session: Session, arrival: ObjectArrival, moment: datetime) -> Delivery:
    delivery = Delivery(
        kind=arrival.kind,
        bucket=arrival.bucket,
        object_key=arrival.key,
        object_version=arrival.version,
        version_id=arrival.version_id,
        etag=arrival.etag,
        queue=arrival.queue,
        rid=arrival.rid,
        size=arrival.size,
        due_at=moment,
        restore_expires_at=arrival.restore_expires_at,
        received_at=moment,
        updated_at=moment,
    )
    session.add(delivery)
    session.flush()
    detail = {"source": delivery.source, "event": arrival.event_name}
    add_event(session, type_="received", delivery_id=delivery.id, detail=detail, at=moment)
    return delivery


def _announce_again(session: Session, arrival: ObjectArrival, delivery: Delivery, moment: datetime) -> None:
    detail = {"event": arrival.event_name}
    add_event(session, type_="announced-again", delivery_id=delivery.id, detail=detail, at=moment)
    if not delivery.is_open:
        return
    if arrival.restore_expires_at is not None:
        delivery.restore_expires_at = arrival.restore_expires_at
    if delivery.state in {DeliveryState.WAITING, DeliveryState.ERROR, DeliveryState.RECEIVED}:
        delivery.due_at = moment
        delivery.updated_at = moment
