"""The errors an operator can meet: each with one stable code, a sentence, and a next step.

Every error that leaves a public function of this package is an :class:`AoError`. Its class says who
has to act (the exit code) and whether trying again can help; its ``code`` never changes between
releases, so scripts and runbooks can rely on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the command line returns; scripts depend on it."""

    DONE = 0
    REJECTED = 1
    USAGE = 2
    SYSTEM = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong (or odd) about content: a stable code and where it was found.

    ``path`` is relative to the thing examined, with ``/`` between its parts. ``expected`` and ``found``
    are given when both sides are known, as for a checksum.
    """

    code: str
    path: str
    message: str
    expected: str | None = None
    found: str | None = None

    def as_dict(self) -> dict[str, str]:
        """The finding as the command line prints it in JSON; unknown sides are left out."""
        document = {"code": self.code, "path": self.path, "message": self.message}
        if self.expected is not None:
            document["expected"] = self.expected
        if self.found is not None:
            document["found"] = self.found
        return document


class AoError(Exception):
    """Base of all errors that are meant for the operator.

    :param message: what happened, to which file, and why, in one plain sentence.
    :param action: the next step for a person; empty when there is nothing to do but wait.
    :param code: a stable code in kebab case; the class's own code when not given.
    :param findings: the single findings behind the message, for reports.
    """

    code: str = "error"
    exit_code: ClassVar[ExitCode] = ExitCode.SYSTEM
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        action: str = "",
        code: str | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.findings = tuple(findings)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.action}".rstrip()


class ContentRejected(AoError):
    """The content is bad: trying again cannot help, and nothing of the source is deleted."""

    code = "content-rejected"
    exit_code = ExitCode.REJECTED


class UsageError(AoError):
    """The call or the configuration is wrong: a person has to change it."""

    code = "usage"
    exit_code = ExitCode.USAGE


class SystemFailed(AoError):
    """A machine, a network, a disk or a service failed: trying again later can help."""

    code = "system-failed"
    exit_code = ExitCode.SYSTEM
    retryable = True


class MustWait(AoError):
    """Nothing is wrong, but the work cannot go on yet; ``waiting_for`` always says for what.

    :param waiting_for: what is awaited, as a noun phrase ("12.4 GB of free space in /scratch").
    :param code: which kind of wait it is, for example ``waiting-for-disk``.
    """

    code = "waiting"
    exit_code = ExitCode.SYSTEM
    retryable = True

    def __init__(self, waiting_for: str, *, action: str = "", code: str | None = None) -> None:
        super().__init__(f"Waiting for {waiting_for}.", action=action, code=code)
        self.waiting_for = waiting_for
