"""Runs the command that it is given and prints what that took, as JSON.

A process begins with the memory of the one that has started it as its peak. This one is small, so that the figure is
the command's own.
"""

import json
import os
import sys
import time


def main(command: list[str]) -> None:
    """Run ``command``, whose output is not wanted; end as it does."""
    begun = time.perf_counter()
    process = os.fork()
    if process == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os.execvp(command[0], command)  # noqa: S606  # by list; the benchmark's own
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - begun
    found = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024}
    sys.stdout.write(json.dumps(found))
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1:])
