"""What touches an archive mount is left when that stops answering, so that a delivery waits and not the process."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ao_workflows.answering import Progress, ignored, while_answering
from ao_workflows.archive import FIRST_TURN, expect_answer
from ao_workflows.errors import MustWait
from ao_workflows.settings import Settings

Result = TypeVar("Result")

_SECONDS_PER_MINUTE = 60


def on_mount(
    settings: Settings,
    mount: Path | None,
    work: Callable[[Progress], Result],
    *,
    progress: Progress | None = None,
    may_touch: bool = True,
) -> Result:
    """Do ``work``, which touches ``mount``, in a thread of its own, and return what it returns.

    :param mount: ``None`` if it touches none: then it is done by this thread.
    :param work: what it is given is called with the bytes that were dealt with; it raises when the work is to stop.
    :param progress: called with the bytes that were dealt with.
    :param may_touch: whether the time of a file there that says nothing may change, to see whether the mount takes
        writes; not if nothing at all is to change.
    :raises MustWait: (``waiting-for-mount``) if the mount does not answer for as long as the settings say.
    :raises BaseException: what ``work`` raises.
    """
    if mount is None:
        return work(progress or ignored)
    patience = settings.archive.answer_minutes * _SECONDS_PER_MINUTE
    touched = FIRST_TURN if may_touch else None
    return while_answering(mount, work, patience=patience, touched=touched, progress=progress)


def wait_for_mount(mount: Path, marker: str | None) -> None:
    """Let the work wait while its archive is not mounted: it would go into the empty folder below, and vanish.

    :raises MustWait: (``waiting-for-mount``) if the mount does not answer, or the marker is set and missing.
    """
    expect_answer(mount)
    if marker is not None and not os.path.lexists(mount / marker):
        raise MustWait(
            f"the archive at {mount}: it has no file {marker}, so what should be mounted there is not",
            action="Mount it; in Docker, then restart what runs tasks: docker compose restart scheduler.",
            code="waiting-for-mount",
        )
