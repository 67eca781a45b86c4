"""Starting and ending the process of the AWS stand-in."""

import os
import select
import subprocess
import sys
from pathlib import Path

from ao_workflows.demo.extras import require_extras
from ao_workflows.errors import SystemFailed

_START_WITHIN = 60
"""Seconds. It takes less than one, but the machine that runs the demo may be busy."""

_STOP_WITHIN = 5
"""Seconds until a server that does not end by itself is killed."""


class StandInProcess:
    """A server in a process of its own, so that other processes can use it and none of ours can slow it down."""

    def __init__(self, log: Path, *, address: str, port: int) -> None:
        """Start the server and wait until it listens; what it has to say goes into the file ``log``.

        :param port: 0 for any free one.

        :raises UsageError: if moto is not installed. :raises SystemFailed: if it does not start.
        """
        require_extras("moto", "flask", "flask_cors")
        try:
            with log.open("wb") as errors:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "ao_workflows.demo.standin_server", address, str(port)],
                    # Holding the other end of its input is what keeps it alive: the kernel lets go of it
                    # however this process ends.
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    # The server is a client library, too, and would look for the profile that AWS_PROFILE names.
                    env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
                    # Ctrl-C is for the demo, which still needs the stand-in while it tidies up.
                    process_group=0,
                )
        except OSError as error:
            raise SystemFailed(
                f"The AWS stand-in cannot be started: {error}.",
                action="Check the folder and the memory that is free, then try again.",
                code="standin-failed",
            ) from error
        self.port = self._wait_for_port(log)

    def stop(self) -> None:
        """End the server, if it still runs, and wait for it."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_for_port(self, log: Path) -> int:
        """Return the port that the server announces once it listens."""
        output = self._process.stdout
        ready = select.select([output], [], [], _START_WITHIN)[0] if output is not None else []
        line = output.readline().strip() if output is not None and ready else b""
        if not line.isdigit():
            self.stop()
            said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise SystemFailed(
                f"The AWS stand-in did not start: {said[0]!r}.",
                action=f"Look into {log}, then try again.",
                code="standin-failed",
            )
        return int(line)
