"""Bags and their zips: read a plan, unpack and verify in one pass, verify, create.

::

    plan = read_plan(open_local_source(Path("W22084.bag.zip")))
    result = unpack(plan, Path("/scratch"))

Nothing here knows what a work means, only how it is named and that it is a folder.
"""

from ao_workflows.bags.create import CreatedBag, CreateResult, ObjectTarget, create
from ao_workflows.bags.delivery import DestinationOccupied
from ao_workflows.bags.plan import UnpackPlan, read_plan
from ao_workflows.bags.report import BagRejected, BagReport, SourceReport
from ao_workflows.bags.unpack import UnpackedWork, UnpackResult, unpack
from ao_workflows.bags.verify import folder_bytes, verify, verify_folder
from ao_workflows.bags.worktree import WorkRejected
from ao_workflows.bags.zip import ZipLimits

__all__ = [
    "BagRejected",
    "BagReport",
    "CreateResult",
    "CreatedBag",
    "DestinationOccupied",
    "ObjectTarget",
    "SourceReport",
    "UnpackPlan",
    "UnpackResult",
    "UnpackedWork",
    "WorkRejected",
    "ZipLimits",
    "create",
    "folder_bytes",
    "read_plan",
    "unpack",
    "verify",
    "verify_folder",
]
