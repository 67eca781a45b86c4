"""Bringing a work into the archive file system, as commands: by each way to prove it, and by links."""

import sys
from pathlib import Path

from ao_workflows.archive import SyncOptions, sync_work
from ao_workflows.inventory import read_inventory
from ao_workflows.works import parse_rid
from benchmarks.works import RID, inventory_of


def sync(work: Path, root: Path, *, options: SyncOptions, is_unpacked: bool = False) -> None:
    """Bring the work into an archive. :param is_unpacked: it has an inventory, so that its files are known."""
    inventory = read_inventory(inventory_of(work)) if is_unpacked else None
    sync_work(work, root, rid=parse_rid(RID), inventory=inventory, options=options)


if __name__ == "__main__":
    job, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if job == "linked":
        sync(source, target, options=SyncOptions(verify="written", link=True), is_unpacked=True)
    else:
        options = SyncOptions(verify="written" if job == "written" else "reread")
        sync(source, target, options=options, is_unpacked=job == "unpacked")
