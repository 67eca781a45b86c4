"""Intake: what the queues and the drop folder announce goes on record in the catalog. Commit first, delete after."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ao_workflows.catalog import CatalogUnavailable, ObjectArrival, make_sure_of_ledger, record_arrival, record_message
from ao_workflows.errors import AoError, ContentRejected, SystemFailed
from ao_workflows.glacier import Announcements, ObjectEvent, Queue, QueueMessage, parse_message
from ao_workflows.log import get_logger
from ao_workflows.staging.drop_folder import look, rid_hint, tidy
from ao_workflows.staging.process import Process

log = get_logger(__name__)


@dataclass(slots=True)
class IntakeReport:
    """What one look at all sources brought.

    :param messages: queue messages received. :param new_deliveries: deliveries that were not known.
    :param not_understood: messages that a person has to look at.
    :param settling: dropped files that may still be in the making.
    :param failures: what could not be looked at, and why; the rest was looked at all the same.
    """

    messages: int = 0
    new_deliveries: list[int] = field(default_factory=list)
    not_understood: int = 0
    settling: int = 0
    failures: list[AoError] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "messages": self.messages,
            "new_deliveries": self.new_deliveries,
            "not_understood": self.not_understood,
            "settling": self.settling,
            "failures": [{"code": error.code, "message": str(error)} for error in self.failures],
        }


def drain(process: Process, *, wait_seconds: int = 0) -> IntakeReport:
    """Record everything that the queues and the drop folder hold now.

    A queue or folder that fails does not keep the others from being looked at.

    :param wait_seconds: how long to wait for a first message, in each queue (0 to 20).
    :raises CatalogUnavailable: if nothing can be recorded; all messages that are not on record stay in their queue.
    """
    report = IntakeReport()
    with process.catalog.transaction() as session:
        # A catalog that cannot take records is found out before a message is received, and not by receiving it until
        # SQS gives it up.
        make_sure_of_ledger(session)
    for settings in process.settings.intake.queues:
        try:
            _drain_queue(process, process.queue(settings), report, wait_seconds=wait_seconds)
        except CatalogUnavailable:
            raise
        except AoError as error:
            _note_failure(report, error, source=settings.name)
    folder = process.settings.drop_folder
    if folder is not None:
        try:
            _look_at_drop_folder(process, folder, report)
        except CatalogUnavailable:
            raise
        except AoError as error:
            _note_failure(report, error, source=str(folder))
    if report.messages or report.new_deliveries:
        log.info("intake", messages=report.messages, new_deliveries=len(report.new_deliveries))
    return report


def _drain_queue(process: Process, queue: Queue, report: IntakeReport, *, wait_seconds: int) -> None:
    messages = queue.receive(wait_seconds=wait_seconds)
    while messages:
        for message in messages:
            _take_message(process, queue, message, report)
        messages = queue.receive()


def _take_message(process: Process, queue: Queue, message: QueueMessage, report: IntakeReport) -> None:
    said = parse_message(message.body)
    with process.catalog.transaction() as session:
        is_first = record_message(
            session,
            queue=queue.name,
            message_id=message.id,
            body=message.body,
            disposition=said.disposition,
            problem=said.problem,
        )
        new = []
        for event in said.events:
            delivery, is_new = record_arrival(session, _arrival(event, queue.name, message.id))
            if is_new:
                new.append(delivery.id)
    # The message is on record and so is every delivery that it announced: only now may the queue forget it.
    queue.delete(message)
    report.messages += 1
    report.new_deliveries += new
    if is_first:
        _tell(said, queue.name, message.id, report)


def _tell(said: Announcements, queue: str, message_id: str, report: IntakeReport) -> None:
    if said.problem:
        report.not_understood += 1
        log.warning(
            "message not understood",
            queue=queue,
            message_id=message_id,
            problem=said.problem,
            action="It is kept in the catalog: see `ao intake --problems`.",
        )


def _arrival(event: ObjectEvent, queue: str, message_id: str) -> ObjectArrival:
    return ObjectArrival(
        kind="s3",
        bucket=event.bucket,
        key=event.key,
        version=event.version_id or event.etag,
        version_id=event.version_id,
        etag=event.etag,
        # Without S3's own order, the event's time tells one event from another, and the message at the very least.
        sequencer=event.sequencer or (event.at.isoformat() if event.at else message_id),
        event_name=event.name,
        event_at=event.at,
        restore_expires_at=event.restore_expires_at,
        size=event.size,
        queue=queue,
        rid=rid_hint(event.key),
    )


def _look_at_drop_folder(process: Process, folder: Path, report: IntakeReport) -> None:
    for dropped in look(folder, settle_seconds=process.settings.intake.settle_seconds):
        if not dropped.settled:
            report.settling += 1
            continue
        try:
            os.fsencode(dropped.path).decode("utf-8")
            arrival = dropped.arrival()
        except UnicodeDecodeError:
            error = ContentRejected(
                f"The name of {str(dropped.path)!a} is not UTF-8.",
                action="Rename the file to its RID with the suffix .zip.",
                code="name-not-utf8",
            )
            _note_failure(report, error, source=str(folder))
            continue
        except ContentRejected:
            continue  # taken away between looking and opening: nothing was delivered
        except SystemFailed as error:
            _note_failure(report, error, source=str(dropped.path))
            continue
        with process.catalog.transaction() as session:
            delivery, is_new = record_arrival(session, arrival)
        if is_new:
            report.new_deliveries.append(delivery.id)
        else:
            tidy(delivery)  # its process may have died before it could


def _note_failure(report: IntakeReport, error: AoError, *, source: str) -> None:
    report.failures.append(error)
    log.error("intake failed", source=source, code=error.code, message=error.message, action=error.action)
