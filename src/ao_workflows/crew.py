"""Several threads at one list of jobs. Hashing, reading and writing let go of the interpreter, so cores do share it."""

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Stopped(Exception):
    """What a job raises that was told to stop: another has failed, or the operator wants to stop."""


MOST_JOBS = 8
"""More threads than this wait for one another rather than for the disk."""

_MOST_TOGETHER = 32
_BYTES_TOGETHER = 4 << 20


def default_jobs(*, is_local: bool) -> int:
    """Return how many threads a pass has when nobody says: one for each core, but at least two, or four.

    :param is_local: where it reads from; over a network a single stream is slow. Many more than there are cores get
        into each other's way when they create small files in one folder.
    """
    return min(MOST_JOBS, max(2 if is_local else 4, os.cpu_count() or 1))


def in_order(
    work: Callable[[Job], Result], jobs: Sequence[Job], *, threads: int, stop: threading.Event
) -> Generator[Result, None, None]:
    """Yield what ``work`` returns for each of ``jobs``, in their order; they are worked on by ``threads`` at a time.

    At the first error, whichever job it is of, ``stop`` is set: ``work`` is to look at it often, and may raise what it
    likes then. Jobs that have not begun never begin; when all others have ended, that error is raised. ``stop`` is set,
    too, when the generator is closed early. Who stops asking has to close it: until then the threads go on.
    """
    if threads == 1 or len(jobs) == 1:
        yield from map(work, jobs)
        return
    failures: list[BaseException] = []

    def attempt(job: Job) -> Result:
        if stop.is_set():
            raise CancelledError
        try:
            return work(job)
        except BaseException as error:
            if not stop.is_set():  # else it only says that it was stopped
                failures.append(error)
                stop.set()
            raise

    with ThreadPoolExecutor(threads, thread_name_prefix="crew") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            waiting.extend(pool.submit(attempt, job) for job in jobs)
            while waiting:
                yield waiting.popleft().result()
        except BaseException as error:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            # What the operator or the caller wants is never replaced by what a job has met meanwhile.
            if failures and isinstance(error, Exception):
                raise failures[0] from None
            raise


def batches(jobs: Iterable[Job], *, size: Callable[[Job], int]) -> Iterator[list[Job]]:
    """Yield ``jobs``, by the dozen where they are small: to hand one over takes as long as to deal with a small one.

    :param size: the bytes of each.
    """
    batch: list[Job] = []
    together = 0
    for job in jobs:
        batch.append(job)
        together += size(job)
        if len(batch) == _MOST_TOGETHER or together >= _BYTES_TOGETHER:
            yield batch
            batch, together = [], 0
    if batch:
        yield batch


def ahead(chunks: Generator[bytes, None, None], helper: Executor) -> Iterator[bytes]:
    """Yield ``chunks``; while one of them is worked on, the next is made by ``helper``, a pool of one thread."""
    coming = helper.submit(next, chunks, None)
    try:
        while (chunk := coming.result()) is not None:
            coming = helper.submit(next, chunks, None)
            yield chunk
    finally:
        wait([coming])  # a generator that is at work cannot be closed
        chunks.close()
