"""Telling in the log how a long stage gets on, and that it does not."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ao_workflows.log import get_logger
from ao_workflows.units import size_text

log = get_logger(__name__)

EVERY_SECONDS = 60.0
"""How often it is told: a stage that takes less says nothing but its end."""


@contextmanager
def told(what: str, total: int, *, place: Path | str, every: float = EVERY_SECONDS) -> Iterator[Callable[[int], None]]:
    """Tell every minute of the block how much is done, at what rate, and how long the rest takes.

    A minute in which nothing was done is a warning that names the place: a disk or a server that is slow, or gone.

    :param what: what is going on, such as ``archiving``.
    :param total: bytes that there are to deal with.
    :param place: where they go.
    :param every: seconds.
    :returns: what is called with the bytes that were dealt with since the last call.
    """
    began, done, ended, counting = time.monotonic(), 0, threading.Event(), threading.Lock()

    def count(size: int) -> None:
        nonlocal done
        with counting:  # several threads may be at work
            done += size

    def tell() -> None:
        before, silent = 0, 0.0
        while not ended.wait(every):
            silent = silent + every if done == before else 0.0
            if silent:
                log.warning("nothing moves", what=what, seconds=silent, place=str(place), done=size_text(done))
            else:
                rate = done / (time.monotonic() - began)
                log.info(
                    what,
                    done=f"{size_text(done)} of {size_text(total)}",
                    rate=f"{size_text(int(rate))}/s",
                    seconds_left=round(max(0, total - done) / rate),
                )
            before = done

    teller = threading.Thread(target=tell, name="teller", daemon=True)
    teller.start()
    try:
        yield count
    finally:
        ended.set()
        teller.join()
