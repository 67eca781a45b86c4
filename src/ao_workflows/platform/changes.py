"""Changes to a deployment: planned as a list, shown, and then made one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ao_workflows.errors import SystemFailed
from ao_workflows.platform.deployment import Deployment

Action = Literal["create", "update", "keep", "warn"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that deploying does, or leaves.

    :param path: relative to the deployment, or absolute outside it.
    :param detail: why, or what of it, for the operator.
    :param difference: from what is there to what this version brings, as a unified diff.
    """

    action: Action
    path: str
    detail: str
    apply: Callable[[], None] = lambda: None
    difference: str = ""

    def as_dict(self) -> dict[str, str]:
        """The change as JSON."""
        document = {"action": self.action, "path": self.path, "detail": self.detail}
        return document | ({"difference": self.difference} if self.difference else {})


def carry_out(changes: Sequence[Change], deployment: Deployment) -> None:
    """Make the planned changes. :raises SystemFailed: (``deployment-failed``) naming what could not be made."""
    for change in changes:
        try:
            change.apply()
        except OSError as error:
            raise SystemFailed(
                f"{error.filename or deployment.root / change.path}: {error.strerror or error}.",
                action="Let this user write there (or deploy as root), then run the command again: it goes on.",
                code="deployment-failed",
            ) from error


def visible_changes(changes: Sequence[Change]) -> list[Change]:
    """Return those changes that an operator wants to see: not what is as it should be."""
    return [change for change in changes if change.action != "keep" or "changed it" in change.detail]
