"""Sync a work and end with SIGKILL at a chosen system call: ``WORK ROOT RID CALL``; call 0 only counts them.

Every call by which the sync changes the disk counts twice, before and after it.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ao_workflows.archive import sync_work
from ao_workflows.works import Rid

CALLS = ("mkdir", "write", "utime", "fsync", "replace", "rename", "unlink", "rmdir")


def main(work: str, root: str, rid: str, kill_at: str) -> None:
    seen = 0

    def step() -> None:
        nonlocal seen
        seen += 1
        if seen == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            step()
            result = call(*args, **kwargs)
            step()
            return result

        return wrapper

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    sync_work(Path(work), Path(root), rid=Rid(rid))
    sys.stdout.write(str(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
