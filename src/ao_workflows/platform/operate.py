"""The everyday jobs on a deployment: start, upgrade, and restore, each from a look at things to a healthy stack."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ao_workflows.checks import Check, Verdict
from ao_workflows.errors import AoError, SystemFailed, UsageError
from ao_workflows.platform.backup import (
    Backup,
    env_of,
    give_to,
    lay_files,
    load_databases,
    make_backup,
    read_backup,
    set_env,
)
from ao_workflows.platform.compose import Service, Stack
from ao_workflows.platform.deployment import Deployment, whole_number
from ao_workflows.platform.preflight import examine_platform

HEALTHY_WITHIN = 600.0
"""Seconds: the first start makes two databases, and a migration of a large one takes its time."""

WORKERS = ("scheduler", "worker")
"""What does work. It rests first: what it has done is in the backup, and while it ends it reports to the others."""

WATCHERS = ("dag-processor", "triggerer", "api-server")
"""What else uses the databases, and must rest while their tables are migrated."""

Tell = Callable[[str], None]


def bring_up(deployment: Deployment, *, profiles: Sequence[str], tell: Tell) -> list[Service]:
    """Start the stack and wait until it is healthy.

    :raises SystemFailed: (``preflight-failed``) before anything starts, if something is not as it has to be;
        (``platform-unhealthy``) if a service does not come up.
    """
    if "dev" in {*profiles, *Stack(deployment).profiles()} and deployment.env().get("DEMO") != "yes":
        raise UsageError(
            f"{deployment.root} is not for samples: they would be delivered into its archive.",
            action="Try the profile dev in a deployment made with --dev.",
            code="no-demo-here",
        )
    refuse_bad(examine_platform(deployment))
    stack = Stack(deployment)
    stack.start(*profiles)
    return stack.wait_until_healthy(*profiles, seconds=HEALTHY_WITHIN, tell=lambda waiting: tell(_awaited(waiting)))


def refuse_bad(checks: Sequence[Check]) -> None:
    """:raises SystemFailed: (``preflight-failed``) naming what is bad among ``checks``, if anything is."""
    bad = [check for check in checks if check.verdict == Verdict.BAD]
    if bad:
        raise SystemFailed(
            f"The platform cannot start: {'; '.join(f'{check.name}: {check.found}' for check in bad)}.",
            action=" ".join(dict.fromkeys(check.action for check in bad)),
            code="preflight-failed",
        )


def backup(deployment: Deployment, target: Path, *, stay_stopped: bool, tell: Tell) -> Backup:
    """Write a backup of a running stack.

    :param stay_stopped: stop what works before, and leave it so: nothing is done that is not in the backup.
    """
    stack = Stack(deployment)
    stack.refuse_foreign()
    if stay_stopped:
        tell("Stopping what works ...")
        _stop(stack, WORKERS)
    return make_backup(deployment, target)


def upgrade(deployment: Deployment, *, image: str, folder: Path, lay: Callable[[], None], tell: Tell) -> Backup:
    """Let a running stack use ``image`` and the files of this version; a backup is made first, into ``folder``.

    :param lay: brings the deployment's files to this version, once the backup is there.
    :return: the backup.
    :raises SystemFailed: if a step fails. Before the backup is there, all goes on as it was; later, the message says
        how to go back.
    """
    stack = Stack(deployment)
    stack.refuse_foreign()
    refuse_bad(examine_platform(deployment, image=image))
    old = deployment.env().get("AO_IMAGE", "")
    profiles = (
        ["dev"] if any(service.name == "aws" and service.state == "running" for service in stack.services()) else []
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tell("Stopping what works ...")
    stopped = _stop(stack, WORKERS)
    try:
        tell("Making a backup ...")
        made = make_backup(deployment, folder / backup_name("before-upgrade"))
    except BaseException:
        if stopped:
            stack.ask("start", *stopped)
        raise
    tell(f"The backup is {made.path}.")
    try:
        _stop(stack, WATCHERS)
        lay()
        bring_up(deployment, profiles=profiles, tell=tell)
    except AoError as error:
        raise SystemFailed(
            f"The upgrade did not come to its end: {error.message}",
            action=f"{error.action} To go back: `ao platform down --remove-data`, move {deployment.root} away, and "
            f"restore {made.path} with the checkout and the image ({old}) of the old version.",
            code=error.code,
        ) from error
    return made


def clean(deployment: Deployment, *, days: int) -> None:
    """Remove Airflow's records and logs of runs that are older than ``days``. :raises DockerFailed: if it fails."""
    stack = Stack(deployment)
    before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    inside = ("exec", "--no-TTY", "scheduler")
    stack.ask(*inside, "airflow", "db", "clean", "--clean-before-timestamp", before, "--skip-archive", "--yes")
    logs = ("find", "/opt/airflow/logs", "-type", "f", "-mtime", f"+{days}", "-delete")
    stack.ask(*inside, *logs)
    stack.ask(*inside, "find", "/opt/airflow/logs", "-mindepth", "1", "-type", "d", "-empty", "-delete")


def restore(backup_file: Path, deployment: Deployment, *, uid: int | None, tell: Tell) -> Backup:
    """Make ``deployment``, which must be new, what it was when the backup was made; only its database server runs then.

    :param uid: another user than the one that services ran as.
    :raises AoError: if the backup is damaged, the place is not empty, or a step fails; what to remove is told then.
    """
    tell("Reading the backup ...")
    found = read_backup(backup_file)
    user = uid if uid is not None else whole_number(env_of(found), "SYNC_ACCESS_UID", 1, 2**31)
    if os.geteuid() not in {0, user}:
        raise UsageError(
            f"The services of this backup run as uid {user}; files for that user can be made by it, or by root.",
            action=f"Run this as root, or with --uid {os.geteuid()}.",
        )
    stack = Stack(deployment)
    stack.refuse_foreign()
    project = deployment.project
    lay_files(found, deployment)
    set_env(deployment, COMPOSE_PROJECT_NAME=project, SYNC_ACCESS_UID=str(user))
    try:
        give_to(deployment, user)
        tell("Starting the database server ...")
        stack.ask("up", "--detach", "--wait", "postgres")
        tell("Loading the databases ...")
        load_databases(found, deployment)
    except AoError as error:
        raise SystemFailed(
            f"The restore did not come to its end: {error.message}",
            action=f"{error.action} Before the next try: `ao platform down --remove-data`; then remove the directory.",
            code=error.code,
        ) from error
    return found


def _stop(stack: Stack, names: Sequence[str]) -> list[str]:
    """Stop those of the services that run, one after the other; return which."""
    running = {service.name for service in stack.services() if service.state == "running"}
    stopped = [name for name in names if name in running]
    for name in stopped:
        stack.ask("stop", name)
    return stopped


def backup_name(what: str = "") -> str:
    """Return a file name for a backup that is made now."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"ao-platform-{moment}{'-' if what else ''}{what}.tar"


def _awaited(waiting: Sequence[Service]) -> str:
    return "Waiting for " + ", ".join(f"{each.name} ({each.health or each.state})" for each in waiting)
