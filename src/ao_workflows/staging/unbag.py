"""Stage ``unbag``: from the delivered object to verified works in scratch, in one pass over the data."""

from sqlalchemy.orm import Session

from ao_workflows.bags import DestinationOccupied, read_plan, unpack
from ao_workflows.catalog import WorkState, register_works, reserve_scratch
from ao_workflows.inventory import write_inventory
from ao_workflows.staging.scratch import (
    discard,
    free_bytes,
    inventory_file,
    is_whole,
    make_delivery_folder,
    used_bytes,
)
from ao_workflows.staging.source import open_delivery
from ao_workflows.staging.stage import StageContext, StageResult
from ao_workflows.staging.telling import told

_BEYOND_SCRATCH = frozenset({WorkState.ARCHIVED, WorkState.PUBLISHED, WorkState.COMPLETE, WorkState.REJECTED})
"""Works in these states need nothing in scratch any more."""


def is_done(context: StageContext) -> bool:
    """Tell whether every work that still has something before it is in scratch, whole as far as a look can tell."""
    return context.was_done and all(
        work.state in _BEYOND_SCRATCH or is_whole(context.folder, work.rid) for work in context.delivery.works
    )


def run(context: StageContext) -> StageResult:
    """Unpack the delivery's works and register them."""
    process, claim = context.process, context.claim
    scratch = process.settings.scratch_folder
    source = open_delivery(process, context.delivery)
    plan = read_plan(source)
    folder = make_delivery_folder(scratch, context.delivery.id)
    with process.catalog.transaction() as session:
        reserve_scratch(
            session,
            claim,
            needed=max(0, plan.bytes - used_bytes(folder)),
            free=free_bytes(scratch, keep=process.settings.scratch.keep_free_bytes),
            place=str(scratch),
            lease=process.lease,
        )
    with told("unpacking", plan.bytes, place=scratch) as progress:
        try:
            unpacked = unpack(plan, folder, progress=progress)
        except DestinationOccupied:
            # A work of this very delivery that was whole once and no longer is: a damaged disk, or somebody's hand.
            for rid in plan.works:
                discard(scratch, folder / rid)
            unpacked = unpack(plan, folder, progress=progress)
    for work in unpacked.works:
        write_inventory(inventory_file(folder, work.rid), work.inventory)

    def record(session: Session) -> None:
        works = [(work.rid, work.files, work.bytes) for work in unpacked.works]
        register_works(session, claim, works, lease=process.lease)

    detail = {
        "works": len(unpacked.works),
        "files": sum(work.files for work in unpacked.works),
        "bytes": sum(work.bytes for work in unpacked.works),
        "report": unpacked.report.as_dict(),
    }
    return StageResult(detail=detail, record=record)
