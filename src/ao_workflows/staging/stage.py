"""Running one stage: start it on record, keep its claim alive, and record how it ended in one transaction."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.orm import Session

from ao_workflows.catalog import (
    CatalogUnavailable,
    Claim,
    ClaimLost,
    Delivery,
    Outcome,
    Work,
    WorkState,
    hold_claim,
    latest_outcome,
    now,
    record_outcome,
    start_stage,
)
from ao_workflows.errors import AoError, ContentRejected, MustWait, SystemFailed
from ao_workflows.log import get_logger
from ao_workflows.staging.process import Process
from ao_workflows.staging.scratch import delivery_folder

log = get_logger(__name__)

FINDINGS_KEPT = 200
"""How many findings of a rejection go on record: enough to mend it by, however broken it is."""

RENEWALS_PER_LEASE = 6
"""How often a running stage renews its claim; several renewals may fail before the claim is lost."""


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage works on.

    :param work: the work, for the stages that concern one work.
    :param was_done: whether the stage was done when it last ran for this delivery or work.
    """

    process: Process
    claim: Claim
    delivery: Delivery
    work: Work | None = None
    was_done: bool = False

    @property
    def folder(self) -> Path:
        """The delivery's folder in scratch."""
        return delivery_folder(self.process.settings.scratch_folder, self.delivery.id)

    @property
    def the_work(self) -> Work:
        """The work of a stage that concerns one."""
        if self.work is None:
            raise TypeError("this stage runs for a work")
        return self.work


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage that came to its end has to say.

    :param detail: its figures and findings, as JSON.
    :param rejection: why the content is bad, if it is.
    :param skipped: there was nothing to do, and the work has not got further.
    :param record: further changes of the catalog, made in the same transaction as the outcome, whatever it is.
    """

    detail: Mapping[str, Any] = field(default_factory=dict)
    rejection: ContentRejected | None = None
    skipped: bool = False
    record: Callable[[Session], None] = lambda _session: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the process.

    :param run: does what is not yet done. Raises :class:`AoError`; may be run again after being killed anywhere.
    :param is_done: tells from what is true now that there is nothing left to do.
    :param work_state: the state that a work has after the stage.
    """

    name: str
    run: Callable[[StageContext], StageResult]
    is_done: Callable[[StageContext], bool]
    work_state: WorkState | None = None


def perform(process: Process, claim: Claim, stage: Stage, *, work_id: int | None = None) -> Outcome:
    """Run ``stage`` for the claim's delivery (and one of its works) and return how it ended, which is on record then.

    What is already done is not done again, and content that was rejected is not looked at again.

    :raises ClaimLost: if the claim does not hold any more. :raises CatalogUnavailable: if nothing can be recorded.
    """
    with process.catalog.transaction() as session:
        delivery = hold_claim(session, claim, lease=process.lease)
        work = session.get_one(Work, work_id) if work_id is not None else None
        list(delivery.works)  # loaded now: the stage sees them after the session has ended
        last = latest_outcome(session, delivery_id=delivery.id, stage=stage.name, work_id=work_id)
        context = StageContext(process, claim, delivery, work, was_done=last is not None and last.outcome == "done")
        if work is not None and work.state == WorkState.REJECTED:
            return Outcome(kind="rejected", code=work.reason_code, message=work.reason, action=work.action)
        if stage.is_done(context):
            return Outcome(kind="done")
        start_stage(session, claim, stage=stage.name, work_id=work_id, lease=process.lease)
    with structlog.contextvars.bound_contextvars(
        delivery=delivery.id, rid=work.rid if work else delivery.rid, stage=stage.name
    ):
        return _run(context, stage)


def _run(context: StageContext, stage: Stage) -> Outcome:
    process, claim = context.process, context.claim
    log.info("stage started", source=context.delivery.source)
    started_at = now()
    result: StageResult | None = None
    try:
        with _claim_kept(process, claim):
            result = stage.run(context)
        outcome = Outcome(kind="done", detail=dict(result.detail))
        if result.rejection is not None:
            outcome = _outcome_of(result.rejection, result.detail)
    except (ClaimLost, CatalogUnavailable):
        raise
    except AoError as error:
        outcome = _outcome_of(error, {})
    except OSError as error:
        outcome = _outcome_of(_disk_failed(error), {})
    except Exception as error:  # one delivery that meets a fault of ours must not stop all others
        log.exception("fault in the program")
        outcome = _outcome_of(_fault(error), {})
    with process.catalog.transaction() as session:
        if result is not None:
            result.record(session)
        record_outcome(
            session,
            claim,
            outcome,
            stage=stage.name,
            started_at=started_at,
            lease=process.lease,
            work_id=context.work.id if context.work else None,
            work_state=None if result is not None and result.skipped else stage.work_state,
        )
    seconds = round((now() - started_at).total_seconds(), 3)
    if outcome.kind == "done":
        figures = {name: value for name, value in outcome.detail.items() if isinstance(value, int | str)}
        log.info("stage done", seconds=seconds, **figures)
    else:
        write = log.info if outcome.kind == "waiting" else log.error
        write(
            f"stage {outcome.kind}", seconds=seconds, code=outcome.code, message=outcome.message, action=outcome.action
        )
    return outcome


def _outcome_of(error: AoError, detail: Mapping[str, Any]) -> Outcome:
    document = dict(detail)
    if error.findings:
        document["findings"] = [finding.as_dict() for finding in error.findings[:FINDINGS_KEPT]]
        document["findings_in_all"] = len(error.findings)
    if isinstance(error, ContentRejected):
        kind = "rejected"
    elif isinstance(error, MustWait):
        kind = "waiting"
    else:
        kind = "error"
    return Outcome(
        kind=kind,  # type: ignore[arg-type]  # one of the three words above
        code=error.code,
        message=error.message,
        action=error.action,
        waiting_for=error.waiting_for if isinstance(error, MustWait) else "",
        detail=document,
    )


def _disk_failed(error: OSError) -> SystemFailed:
    place = error.filename if isinstance(error.filename, str) else "a file"
    return SystemFailed(
        f"{place}: {error.strerror or error}.",
        action="Check the disk, the mount and its permissions.",
        code="disk-failed",
    )


def _fault(error: Exception) -> SystemFailed:
    return SystemFailed(
        f"A fault in ao-workflows: {type(error).__name__}: {error}.",
        action="Report it with the traceback in the log. The delivery is tried again.",
        code="internal-error",
    )


@contextmanager
def _claim_kept(process: Process, claim: Claim) -> Iterator[None]:
    """Renew the claim while the block runs, so that a long stage is not taken for a dead one."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(process.lease.total_seconds() / RENEWALS_PER_LEASE):
            try:
                with process.catalog.transaction() as session:
                    hold_claim(session, claim, lease=process.lease)
            except CatalogUnavailable as error:
                log.warning("claim not renewed", error=error.message)
            except ClaimLost:
                return  # the stage finds out when it records its outcome, and changes nothing

    keeper = threading.Thread(target=renew, name="claim-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
