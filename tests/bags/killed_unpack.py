"""Unpack a zip and end with SIGKILL at a chosen system call: ``ZIP DESTINATION CALL``; call 0 only counts them.

Every call by which unpacking changes the disk counts twice, before and after it.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ao_workflows.bags import read_plan, unpack
from ao_workflows.storage import open_local_source

CALLS = ("mkdir", "write", "utime", "fsync", "replace", "rename", "unlink", "rmdir")


def main(zipped: str, destination: str, kill_at: str) -> None:
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
    unpack(read_plan(open_local_source(Path(zipped))), Path(destination))
    sys.stdout.write(str(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
