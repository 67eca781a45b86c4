"""Who holds a claim, and whether that process certainly no longer exists."""

import os
import socket
from contextlib import suppress
from pathlib import Path

_PREFIX = "ao-run"


def own_holder() -> str:
    """Return this process's name as a holder: host, this boot and namespace of it, process id and start time."""
    return f"{_PREFIX}@{socket.gethostname()}:{_namespace()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_certainly_gone(holder: str) -> bool:
    """Tell whether ``holder`` is an ``ao run`` process that this one would see, if it still existed.

    Of other machines and containers and of Airflow's tasks nothing is certain; their claims end with their lease.
    """
    place, _, process = holder.rpartition(":")[0].rpartition(":")
    if place != f"{_PREFIX}@{socket.gethostname()}:{_namespace()}" or not process.isdecimal():
        return False
    return _start_time(int(process)) != holder.rpartition(":")[2]


def _namespace() -> str:
    """Return what a process id belongs to: this boot of the machine, and the namespace (a container has its own)."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"


def _start_time(process: int) -> str:
    """Return the start time of a process in clock ticks since boot, empty if there is no such process."""
    with suppress(OSError):
        # The second field, the name in parentheses, may itself hold spaces; the start time is the 22nd.
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[19]
    return ""
