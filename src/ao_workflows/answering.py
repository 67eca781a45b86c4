"""Work on a mount that is left when the mount stops answering: a call to a server that is gone may never come back.

The work has a thread of its own, and whoever wants it done waits for it, and asks the mount meanwhile. While the mount
answers, nothing is left, however long nothing moves: to flush much to a slow disk takes hours.
"""

import contextvars
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from ao_workflows.errors import MustWait
from ao_workflows.log import get_logger

Result = TypeVar("Result")
Progress = Callable[[int], None]
"""Called with the bytes that were dealt with since the last call; what it raises ends the work."""

log = get_logger(__name__)

PATIENCE_SECONDS = 600.0
"""How long a mount may take to answer, unless somebody says."""

_ASK_EVERY = 20.0
_LOOK_EVERY = 0.5
_ENDING_SECONDS = 30.0
"""How long a silent mount may keep a program that is asked to stop: its work may be killed at any moment."""


class _NotWanted(BaseException):
    """What ends work that nobody waits for any more. As at Ctrl-C, nothing may take it for a failure of its own."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What a mount was asked.

    :param at: when, and ``began``: the same, in seconds of the monotonic clock.
    :param mounts: what was mounted then, as the system lists it.
    """

    at: datetime
    began: float
    mounts: bytes

    def is_older(self, seconds: float) -> bool:
        return time.monotonic() - self.began > seconds


_unanswered: dict[Path, _Question] = {}
"""For each mount that has not answered yet, the one question that waits for it: each of them costs a thread."""

_left: list[threading.Thread] = []


def while_answering(
    mount: Path,
    work: Callable[[Progress], Result],
    *,
    patience: float = PATIENCE_SECONDS,
    touched: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Do ``work``, and return what it returns; but leave it where it is if the mount does not answer for too long.

    It is done in another thread. Work that was left, or that is to stop because this thread is interrupted, ends at its
    next sign of progress; until then it keeps what it holds, such as locks. If this thread is interrupted, the work is
    waited for as long as the mount answers.

    :param work: everything that touches the mount. What it is given is to be called with the bytes that were dealt with
        since the last call, and with 0 before anything that nobody should do who is not waited for; it raises then.
    :param patience: seconds.
    :param touched: a file of the mount whose time may be changed, by its name; while it is not there, that of the mount
        itself is. Without, a file system that answers from memory while nobody can write is taken for one that answers.
    :param progress: called with the bytes that were dealt with.
    :raises MustWait: (``waiting-for-mount``) if the mount does not answer, also if it has not since an earlier call.
    :raises BaseException: what ``work`` raises.
    """
    _expect_no_silence(mount, patience)
    task = _Task(mount, work, progress)
    try:
        task.thread.start()
        question = _followed(task, touched, patience)
    except BaseException:
        task.unwanted.set()
        _followed(task, touched, min(patience, _ENDING_SECONDS))
        raise
    finally:
        if not task.ended.is_set():
            task.leave()
    if question is None or not task.is_left:
        return task.result()
    log.warning("work left, because its mount does not answer", mount=str(mount), since=_text_of(question.at))
    raise _silent(mount, question)


def ignored(_: int) -> None:
    """Progress that nobody wants to see."""


def is_work_left() -> bool:
    """Tell whether work that was left has not ended: a program that waits for all of its threads may never end."""
    return any(thread.is_alive() for thread in _left)


class _Task(Generic[Result]):
    """Work in a thread of its own."""

    def __init__(self, mount: Path, work: Callable[[Progress], Result], progress: Progress | None) -> None:
        self.mount = mount
        self.unwanted = threading.Event()
        self.ended = threading.Event()
        self.is_left = False
        self._work = work
        self._progress = progress
        self._results: list[Result] = []
        self._error: BaseException | None = None
        # What is said in the log is bound to the delivery there, too.
        run = contextvars.copy_context().run
        self.thread = threading.Thread(target=run, args=(self._run,), name=f"on {mount}", daemon=True)

    def result(self) -> Result:
        """Return what the work returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def leave(self) -> None:
        """Note that nobody waits for the work any more."""
        self.is_left = True
        self.unwanted.set()
        _left[:] = [*(thread for thread in _left if thread.is_alive()), self.thread]

    def _run(self) -> None:
        try:
            self._go_on(0)
            self._results.append(self._work(self._go_on))
        except BaseException as error:  # noqa: BLE001  # whoever waits for the work gets it
            self._error = error
        self.ended.set()
        if self.is_left:
            how = "stopped" if isinstance(self._error, _NotWanted) else str(self._error or "complete")
            log.info("work that was left has ended", mount=str(self.mount), how=how)

    def _go_on(self, size: int) -> None:
        if self.unwanted.is_set():
            raise _NotWanted
        if size and self._progress is not None:
            self._progress(size)


def _followed(task: "_Task[Result]", touched: str | None, patience: float) -> _Question | None:
    """Wait until the work has ended, and ask the mount now and then; return the question that it leaves open."""
    ask_at = 0.0
    while not task.ended.wait(min(_LOOK_EVERY, patience / 10)) and task.thread.is_alive():
        if time.monotonic() >= ask_at:
            _ask(task.mount, touched)
            ask_at = time.monotonic() + min(_ASK_EVERY, patience / 4)
        question = _unanswered.get(task.mount)
        if question is not None and question.is_older(patience):
            return question
    return None


def _expect_no_silence(mount: Path, patience: float) -> None:
    """Make sure that the mount owes no answer for too long: nothing has to hang, and wait, for each work anew."""
    earlier = _unanswered.get(mount)
    if earlier is None:
        return
    if earlier.mounts != _mounts():
        # It may be another that is mounted there by now, and the one before never answers any more.
        _unanswered.pop(mount, None)
    elif earlier.is_older(patience):
        raise _silent(mount, earlier)


def _ask(mount: Path, touched: str | None) -> None:
    """Ask the mount something, unless it still owes an answer."""
    question = _Question(datetime.now(UTC), time.monotonic(), _mounts())
    if _unanswered.setdefault(mount, question) is not question:
        return
    try:
        threading.Thread(
            target=_wait_for_answer, args=(mount, touched, question), name=f"asking {mount}", daemon=True
        ).start()
    except RuntimeError:  # there is no thread to be had, which says nothing of the mount
        _unanswered.pop(mount, None)


def _wait_for_answer(mount: Path, touched: str | None, question: _Question) -> None:
    try:
        with suppress(OSError):  # that, too, is an answer; and so below
            os.statvfs(mount)
        if touched is not None:
            # A frozen file system still says how much room it has, and so may one whose server takes no writes.
            with suppress(OSError):
                _touch(mount, touched)
    finally:
        if _unanswered.get(mount) is question:
            del _unanswered[mount]


def _touch(mount: Path, touched: str) -> None:
    try:
        os.utime(mount / touched, follow_symlinks=False)
    except FileNotFoundError:
        os.utime(mount)  # nothing was ever written to it, and that it is not there may be told from memory


def _mounts() -> bytes:
    """Return the system's list of what is mounted, which asks no mount; nothing where the system has none."""
    with suppress(OSError):
        return Path("/proc/self/mountinfo").read_bytes()
    return b""


def _silent(mount: Path, question: _Question) -> MustWait:
    return MustWait(
        f"the archive mount {str(mount)!r} to answer: it has not since {_text_of(question.at)}",
        action="Check the disk or server behind it. When it answers again, the work goes on by itself.",
        code="waiting-for-mount",
    )


def _text_of(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
