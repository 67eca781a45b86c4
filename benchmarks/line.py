"""A line of limited speed: a network of its own on this machine, whose loopback takes no more than so much."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

RATE = "1gbit"


@contextmanager
def limited_line() -> Iterator[list[str]]:
    """Make the network; yield what stands before a command that is to run in it. Needs root."""
    name = f"ao-bench-{os.getpid()}"
    inside = ["ip", "netns", "exec", name]
    run(["ip", "netns", "add", name])
    try:
        run([*inside, "ip", "link", "set", "lo", "up"])
        run([*inside, "tc", "qdisc", "add", "dev", "lo", "root", *f"tbf rate {RATE} burst 4mb latency 100ms".split()])
        yield inside
    finally:
        run(["ip", "netns", "delete", name])


def run(command: Sequence[str]) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, check=True)
