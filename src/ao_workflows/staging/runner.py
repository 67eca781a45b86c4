"""Doing the whole job: one claim from its first stage to its conclusion, and one claim after another."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ao_workflows.catalog import (
    Claim,
    ClaimLost,
    Delivery,
    DeliveryState,
    claim_due,
    closed_deliveries,
    conclude_delivery,
    give_back,
    hold_claim,
    release_abandoned,
)
from ao_workflows.errors import ExitCode
from ao_workflows.log import get_logger
from ao_workflows.staging.drop_folder import tidy
from ao_workflows.staging.holder import is_certainly_gone, own_holder
from ao_workflows.staging.intake import drain
from ao_workflows.staging.process import Process
from ao_workflows.staging.scratch import delivery_folders, empty_trash, free_scratch
from ao_workflows.staging.stage import perform
from ao_workflows.staging.stages import UNBAG, WORK_STAGES

log = get_logger(__name__)


@dataclass(slots=True)
class RunSummary:
    """What a run has done: the deliveries that it brought to an end or a stop, by the state they are in."""

    concluded: dict[int, DeliveryState] = field(default_factory=dict)
    intake_failed: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """The worst that happened: a failed system before rejected content."""
        states = set(self.concluded.values())
        if self.intake_failed or DeliveryState.ERROR in states:
            return ExitCode.SYSTEM
        return ExitCode.REJECTED if DeliveryState.REJECTED in states else ExitCode.DONE


def claim_for(process: Process, holder: str, *, limit: int | None = None) -> list[Claim]:
    """Claim for ``holder`` what is due and fits the capacity."""
    with process.catalog.transaction() as session:
        return claim_due(
            session,
            holder=holder,
            lease=process.lease,
            max_active=process.settings.process.max_active,
            max_attempts=process.settings.process.max_attempts,
            limit=limit,
        )


def works_to_do(process: Process, claim: Claim) -> list[int]:
    """Return the works that the claim's delivery holds, by id. :raises ClaimLost: if the claim does not hold."""
    with process.catalog.transaction() as session:
        return [work.id for work in hold_claim(session, claim, lease=process.lease).works]


def run_claim(process: Process, claim: Claim) -> Delivery:
    """Take the claim's delivery through all stages, as far as it goes, and return it concluded.

    :raises ClaimLost: if another holder has the delivery. :raises CatalogUnavailable: if nothing can be recorded.
    """
    if perform(process, claim, UNBAG).kind == "done":
        for work_id in works_to_do(process, claim):
            for stage in WORK_STAGES:
                if perform(process, claim, stage, work_id=work_id).kind != "done":
                    break
    return finish(process, claim)


def finish(process: Process, claim: Claim) -> Delivery:
    """Conclude the claim's delivery, and only then free what it held; return the delivery."""
    with process.catalog.transaction() as session:
        delivery = conclude_delivery(session, claim, policy=process.retry_policy)
    write = log.error if delivery.state in {DeliveryState.REJECTED, DeliveryState.ERROR} else log.info
    write(
        f"delivery {delivery.state}",
        delivery=delivery.id,
        source=delivery.source,
        **({"message": delivery.reason, "action": delivery.action} if delivery.reason else {}),
    )
    if not delivery.is_open:
        free_scratch(process.settings.scratch_folder, [delivery.id])
        tidy(delivery)
    return delivery


def free_closed(process: Process) -> None:
    """Free the scratch of deliveries whose process died between their conclusion and their cleaning up."""
    empty_trash(process.settings.scratch_folder)
    folders = delivery_folders(process.settings.scratch_folder)
    if folders:
        # Only what this catalog knows to be closed: a folder that it does not know may be another catalog's.
        with process.catalog.reading() as session:
            closed = closed_deliveries(session, folders)
        free_scratch(process.settings.scratch_folder, closed)


def run_until_idle(process: Process, *, rest: Callable[[], bool]) -> RunSummary:
    """Drain, claim and work, one delivery after another.

    :param rest: called when nothing is due; returns whether to look again.
    :raises CatalogUnavailable: if nothing can be recorded.
    """
    holder, summary = own_holder(), RunSummary()
    free_closed(process)
    while True:
        _take_back_abandoned(process)
        summary.intake_failed = bool(drain(process).failures)
        claims = claim_for(process, holder, limit=1)
        for claim in claims:
            _run_one(process, claim, summary)
        if not claims and not rest():
            return summary


def _take_back_abandoned(process: Process) -> None:
    with process.catalog.transaction() as session:
        max_attempts = process.settings.process.max_attempts
        taken_back = release_abandoned(session, is_certainly_gone, max_attempts=max_attempts)
    if taken_back:
        log.warning("claims of dead processes taken back", deliveries=taken_back)


def _run_one(process: Process, claim: Claim, summary: RunSummary) -> None:
    try:
        summary.concluded[claim.delivery_id] = DeliveryState(run_claim(process, claim).state)
    except ClaimLost as error:
        log.warning("claim lost", delivery=claim.delivery_id, message=error.message)
    except KeyboardInterrupt:
        with process.catalog.transaction() as session:
            give_back(session, claim)
        raise
