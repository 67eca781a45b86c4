"""Who holds a claim, and whether that process certainly no longer exists."""

import os
import socket
from contextlib import suppress
from pathlib import Path

_PREFIX = "ao-run"


def own_holder() -> str:
    """Return this process's name as a holder: host, process id and start time (a process id alone is given again)."""
    return f"{_PREFIX}@{socket.gethostname()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_certainly_gone(holder: str) -> bool:
    """Tell whether ``holder`` is an ``ao run`` process of this machine that no longer exists.

    Of other machines and of Airflow's tasks nothing is certain; their claims end with their lease.
    """
    kind, _, place = holder.partition("@")
    host, _, process = place.rpartition(":")[0].rpartition(":")
    start_time = place.rpartition(":")[2]
    if kind != _PREFIX or host != socket.gethostname() or not process.isdigit():
        return False
    return _start_time(int(process)) != start_time


def _start_time(process: int) -> str:
    """Return the start time of a process in clock ticks since boot, empty if there is no such process."""
    with suppress(OSError):
        # The second field, the name in parentheses, may itself hold spaces; the start time is the 22nd.
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[19]
    return ""
