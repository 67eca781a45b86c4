"""Running a program of the site: its output relayed, its time limited, and nothing of it left behind.

It is the leader of a process group of its own. However it ends, by itself, late, or because this process is asked to
stop, what is left of the group is ended with it.
"""

import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ao_workflows.errors import SystemFailed
from ao_workflows.log import get_logger, visible

log = get_logger(__name__)

LONGEST_LINE = 4096
"""Bytes of a line that are relayed; of what follows up to the line's end, only the number is told."""

LAST_LINES = 5
"""So many lines are remembered for the message about a failure."""

GRACE_SECONDS = 3.0
"""How long a group may take to end when it is asked to; Airflow kills a task that takes five."""

_LOOK_SECONDS = 0.1
_CHUNK = 64 << 10


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """How a program ended by itself.

    :param code: its exit code; negative: the number of the signal that killed it.
    :param last_lines: the last lines that it printed, control characters escaped.
    """

    code: int
    last_lines: tuple[str, ...]

    @property
    def how(self) -> str:
        """How it ended, and what it said last, as the end of a sentence and one more."""
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        return f"{how}. {said_last(self.last_lines)}"


def said_last(lines: Sequence[str]) -> str:
    """Return a sentence about the last lines that a program printed."""
    return f"It said last: {' / '.join(line[:200] for line in lines)}" if lines else "It said nothing."


def find_program(command: str) -> Path:
    """Return the program that ``command`` names: a path, or a name that is looked for on ``PATH``.

    :raises SystemFailed: (``site-program-missing``, ``site-program-not-executable``) if this user cannot run it.
    """
    named = os.path.expanduser(command)
    if found := shutil.which(named):
        return Path(found).absolute()
    folders = [""] if os.sep in named else os.environ.get("PATH", os.defpath).split(os.pathsep)
    for candidate in (os.path.join(folder, named) for folder in folders):
        if os.path.lexists(candidate):
            raise _not_executable(candidate, "this user may not execute it")
    where = "" if os.sep in named else " on PATH"
    raise SystemFailed(
        f"There is no program {command!r}{where}.",
        action="Install it where this process runs (in Docker: in the image), or correct command in ao.toml.",
        code="site-program-missing",
    )


def run_program(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log_file: Path,
    timeout: float,
    keep_open: Sequence[int] = (),
) -> ProgramEnd:
    """Run a program, and return how it ended. Each line that it prints goes to the log, and to ``log_file``.

    What it still has running in the background when it ends is ended, too.

    :param command: the program and its arguments, which no shell looks at.
    :param environment: all of its environment.
    :param folder: the folder in which it is started.
    :param log_file: what it prints is added to it; it need not be there.
    :param timeout: seconds after which it is ended.
    :param keep_open: descriptors that it inherits.
    :raises SystemFailed: (``site-program-not-executable``) if the system cannot start it; (``site-program-timed-out``)
        if it took too long; (``site-program-stopped``) if this process was asked to stop, and goes on all the same.
    :raises KeyboardInterrupt: if this process was asked to stop, and ends by that.
    """
    program = Path(command[0]).name
    with _asked_to_stop() as asked:
        child = _start(command, environment=environment, folder=folder, keep_open=keep_open)
        relay = _Relay(child, log_file, program)
        try:
            is_late = _watch(child, relay, asked, until=time.monotonic() + timeout)
            _end_group(child, relay)
        finally:
            code = _kill_group(child, relay)
    last_lines = tuple(relay.last_lines)
    if asked:
        # What was in force before decides what it means: it ends a run of ours, and may mean nothing to Airflow.
        signal.raise_signal(asked[0])
        raise SystemFailed(
            f"{program} was ended, because this process was asked to stop.",
            action="Nothing: it is tried again.",
            code="site-program-stopped",
        )
    if is_late or code is None:
        raise SystemFailed(
            f"{program} was ended after {timeout / 60:g} minutes. {said_last(last_lines)}",
            action=f"See {log_file}; if it needs longer, raise timeout_minutes in [sync].",
            code="site-program-timed-out",
        )
    log.info("site program ended", program=program, exit_code=code)
    return ProgramEnd(code, last_lines)


def _start(
    command: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path, keep_open: Sequence[int]
) -> "subprocess.Popen[bytes]":
    try:
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep_open,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _not_executable(str(command[0]), f"it cannot be started: {reason}") from error
    log.info("site program started", program=Path(command[0]).name, arguments=[str(word) for word in command[1:]])
    return child


def _not_executable(program: str, why: str) -> SystemFailed:
    return SystemFailed(
        f"{program} is not executable: {why}.",
        action=f"Make it executable for user {os.geteuid()} (chmod); its first line has to name its interpreter.",
        code="site-program-not-executable",
    )


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Note in a list which signal asks this process to stop, so that none strikes in the middle of the block."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals are the main thread's affair
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    ours = {number: handler for number, handler in before.items() if handler not in {None, signal.SIG_IGN}}
    for number in ours:
        signal.signal(number, lambda number, _frame: asked.append(number))
    try:
        yield asked
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


def _watch(child: "subprocess.Popen[bytes]", relay: "_Relay", asked: Sequence[int], *, until: float) -> bool:
    """Relay until the program has ended and said all, or has to end; return whether it is too late."""
    ended_at: float | None = None
    while not asked:
        now = time.monotonic()
        if _has_ended(child):
            ended_at = ended_at or now
            # What it left in the background may still print.
            if relay.is_at_end or now >= ended_at + GRACE_SECONDS:
                return False
        elif now >= until:
            return True
        relay.pump(_LOOK_SECONDS)
    return False


def _end_group(child: "subprocess.Popen[bytes]", relay: "_Relay") -> None:
    """Ask to end who still runs. What has its output elsewhere is not waited for."""
    _signal_group(child, signal.SIGTERM)
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and not (relay.is_at_end and _has_ended(child)):
        relay.pump(_LOOK_SECONDS)


def _kill_group(child: "subprocess.Popen[bytes]", relay: "_Relay") -> int | None:
    """Kill what is left of the group; return the leader's exit code, ``None`` if not even that ends it."""
    _signal_group(child, signal.SIGKILL)
    relay.close()
    try:
        return child.wait(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        log.warning("site program cannot be killed", program=relay.program, pid=child.pid)
        return None


def _signal_group(child: "subprocess.Popen[bytes]", number: int) -> None:
    # Until its leader is waited for, nobody else can have the group's number.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _has_ended(child: "subprocess.Popen[bytes]") -> bool:
    """Tell whether the leader has ended, and leave it as it is: its number stands for the group."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


@dataclass(slots=True)
class _Relay:
    """Takes what a program prints, line by line, in little memory however much it is."""

    child: "subprocess.Popen[bytes]"
    log_file: Path
    program: str
    is_at_end: bool = False
    last_lines: "deque[str]" = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    _line: bytearray = field(default_factory=bytearray)
    _left_out: int = 0
    _file: int | None = None

    def __post_init__(self) -> None:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(self.log_file, flags, 0o666)
        except OSError as error:
            self._lose_file(error)

    def pump(self, seconds: float) -> None:
        """Relay what there is; wait so long for it if there is nothing."""
        if self.is_at_end:
            time.sleep(seconds)
            return
        output = self.child.stdout.fileno()  # type: ignore[union-attr]  # it is a pipe
        poll = select.poll()
        poll.register(output, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return
        chunk = os.read(output, _CHUNK)
        self.is_at_end = not chunk
        *ends, rest = chunk.split(b"\n")
        lines = []
        for part in ends:
            self._add(part)
            lines.append(self._taken())
        self._add(rest)
        if self.is_at_end and self._line:
            lines.append(self._taken())
        self._relay(lines)

    def close(self) -> None:
        """Relay the last line even if it has no end, and take nothing more."""
        if self._line:
            self._relay([self._taken()])
        self.child.stdout.close()  # type: ignore[union-attr]  # it is a pipe
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _add(self, part: bytes) -> None:
        kept = part[: LONGEST_LINE - len(self._line)]
        self._line += kept
        self._left_out += len(part) - len(kept)

    def _taken(self) -> str:
        text = visible(self._line.decode("utf-8", "backslashreplace").removesuffix("\r"))
        if self._left_out:
            text += f" … and {self._left_out} bytes more"
        self._line.clear()
        self._left_out = 0
        return text

    def _relay(self, lines: Sequence[str]) -> None:
        self.last_lines.extend(lines)
        if self._file is not None and lines:
            content = memoryview("".join(f"{line}\n" for line in lines).encode("utf-8"))
            try:
                while content:
                    content = content[os.write(self._file, content) :]
            except OSError as error:
                self._lose_file(error)
        for line in lines:
            log.info("site program says", program=self.program, line=line)

    def _lose_file(self, error: OSError) -> None:
        """Go on without the file: a full disk of logs is no reason to end the work of hours."""
        log.warning("log of a site program not written", file=str(self.log_file), error=error.strerror)
        if self._file is not None:
            os.close(self._file)
            self._file = None
