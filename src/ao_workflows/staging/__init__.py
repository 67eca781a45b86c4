"""The StagingGlacierProcess: the only place that knows the order of things.

A delivery goes through ``unbag`` once, then each of its works through ``audit``, ``archive`` and ``publish``, and then
it is concluded. Every stage looks at what is already true, does the rest, and records its outcome in one transaction;
so a process that is killed anywhere and started again ends in the same state.
"""

from ao_workflows.staging.archive_record import catalog_if_there, record_copy
from ao_workflows.staging.intake import IntakeReport, drain
from ao_workflows.staging.process import Process
from ao_workflows.staging.runner import (
    RunSummary,
    claim_for,
    finish,
    free_closed,
    run_claim,
    run_until_idle,
    works_to_do,
)
from ao_workflows.staging.stage import Stage, perform
from ao_workflows.staging.stages import ARCHIVE, AUDIT, PUBLISH, UNBAG, WORK_STAGES

__all__ = [
    "ARCHIVE",
    "AUDIT",
    "PUBLISH",
    "UNBAG",
    "WORK_STAGES",
    "IntakeReport",
    "Process",
    "RunSummary",
    "Stage",
    "catalog_if_there",
    "claim_for",
    "drain",
    "finish",
    "free_closed",
    "perform",
    "record_copy",
    "run_claim",
    "run_until_idle",
    "works_to_do",
]
