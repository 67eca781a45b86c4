"""The everyday jobs on a deployment: start, upgrade, and restore, each from a look at things to a healthy stack."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ao_workflows.checks import Check, Verdict
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.platform.backup import (
    Backup,
    lay_files,
    load_databases,
    make_backup,
    read_backup,
    rename_project,
)
from ao_workflows.platform.compose import Service, Stack
from ao_workflows.platform.deployment import Deployment
from ao_workflows.platform.preflight import examine_platform

HEALTHY_WITHIN = 600.0
"""Seconds: the first start makes two databases, and a migration of a large one takes its time."""

WORKING_SERVICES = ("scheduler", "worker", "dag-processor", "triggerer", "api-server")
"""What must rest while the tables are migrated; stopped in this order, work ends before what it reports to."""

Tell = Callable[[str], None]


def bring_up(deployment: Deployment, *, profiles: Sequence[str], tell: Tell) -> list[Service]:
    """Start the stack and wait until it is healthy.

    :raises SystemFailed: (``preflight-failed``) before anything starts, if something is not as it has to be;
        (``platform-unhealthy``) if a service does not come up.
    """
    refuse_bad(examine_platform(deployment))
    stack = Stack(deployment)
    stack.start(*profiles)
    return stack.wait_until_healthy(seconds=HEALTHY_WITHIN, tell=lambda waiting: tell(_awaited(waiting)))


def refuse_bad(checks: Sequence[Check]) -> None:
    """:raises SystemFailed: (``preflight-failed``) naming what is bad among ``checks``, if anything is."""
    bad = [check for check in checks if check.verdict == Verdict.BAD]
    if bad:
        raise SystemFailed(
            f"The platform cannot start: {'; '.join(f'{check.name}: {check.found}' for check in bad)}.",
            action=" ".join(dict.fromkeys(check.action for check in bad)),
            code="preflight-failed",
        )


def upgrade(deployment: Deployment, *, folder: Path, lay: Callable[[], None], tell: Tell) -> Backup:
    """Let a running stack use the images and files that there are now; a backup is made first, into ``folder``.

    :param lay: brings the deployment's files to this version, once the backup is there.
    :return: the backup. :raises SystemFailed: if a step fails; the backup's name has been told by then.
    """
    stack = Stack(deployment)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tell("Making a backup first ...")
    backup = make_backup(deployment, folder / backup_name("before-upgrade"))
    tell(f"The backup is {backup.path}.")
    running = {service.name for service in stack.services() if service.state == "running"}
    tell("Stopping what works on the databases ...")
    stack.ask("stop", *(name for name in WORKING_SERVICES if name in running))
    lay()
    bring_up(deployment, profiles=["dev"] if "aws" in running else [], tell=tell)
    return backup


def restore(backup_file: Path, deployment: Deployment, *, tell: Tell) -> Backup:
    """Make ``deployment``, which must be new, what it was when the backup was made; only its database server runs then.

    :raises AoError: if the backup is damaged, the place is not empty, or a step fails.
    """
    tell("Reading the backup ...")
    backup = read_backup(backup_file)
    stack = Stack(deployment)
    if foreign := stack.foreign_folder():
        raise UsageError(
            f"The stack in {foreign} has the project name that this one would get, {deployment.project}.",
            action="Restore into a directory of another name.",
            code="destination-occupied",
        )
    project = deployment.project
    lay_files(backup, deployment)
    rename_project(deployment, project)
    tell("Starting the database server ...")
    stack.ask("up", "--detach", "--wait", "postgres")
    tell("Loading the databases ...")
    load_databases(backup, deployment)
    return backup


def backup_name(what: str = "") -> str:
    """Return a file name for a backup that is made now."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"ao-platform-{moment}{'-' if what else ''}{what}.tar"


def _awaited(waiting: Sequence[Service]) -> str:
    return "Waiting for " + ", ".join(f"{each.name} ({each.health or each.state})" for each in waiting)
