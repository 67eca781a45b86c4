"""The process of the AWS stand-in: moto's server, which ends when the process that started it ends.

Run as ``python -m ao_workflows.demo.standin_server ADDRESS PORT``; port 0 is any free one. It writes the port that it
listens on to its standard output as one line, and then serves until its standard input is closed or its parent process
is gone.
"""

import logging
import os
import select
import sys

from moto.server import ThreadedMotoServer

_LOOK_FOR_PARENT_EVERY = 0.5
"""Seconds. The closed input tells at once; looking for the parent is for an input that a fork still holds open."""


def main() -> None:
    """Serve as described above."""
    parent = os.getppid()
    # A line for each request would bury the few that matter.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    address, port = sys.argv[1:]
    server = ThreadedMotoServer(address, int(port), verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.close()
    while os.getppid() == parent:
        closed, _, _ = select.select([sys.stdin], [], [], _LOOK_FOR_PARENT_EVERY)
        if closed:
            break
    # Its threads are daemons and its state is in memory: to return is to stop.


if __name__ == "__main__":
    main()
