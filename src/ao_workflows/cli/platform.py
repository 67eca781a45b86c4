"""``ao platform``: Airflow and all that belongs to it in Docker, built, deployed and looked after."""

import enum
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ao_workflows.checks import Verdict
from ao_workflows.cli.output import JsonOption, print_json, say
from ao_workflows.cli.screen import cell, out, show_checks
from ao_workflows.errors import ExitCode, UsageError
from ao_workflows.platform import operate
from ao_workflows.platform.build import IMAGE, assemble, assembled, build_images, image_names
from ao_workflows.platform.changes import Change, carry_out, visible_changes
from ao_workflows.platform.checkout import find_checkout
from ao_workflows.platform.compose import Service, Stack
from ao_workflows.platform.deploy import Wish, plan
from ao_workflows.platform.deployment import Deployment, Kind, deployment_in, find_deployment
from ao_workflows.platform.preflight import examine_platform
from ao_workflows.platform.site import read_site

app = typer.Typer(help="The platform: Airflow in Docker, built, deployed and looked after.", no_args_is_help=True)

DestOption = Annotated[Path, typer.Option("--dest", help="The deployment's directory.")]
SourceOption = Annotated[Path | None, typer.Option("--source", help="A checkout; by default the one ao runs from.")]
UidOption = Annotated[int | None, typer.Option("--uid", min=1, help="The user that owns the archive's files.")]
HERE = Path()


class Executor(enum.StrEnum):
    """Where tasks run."""

    LOCAL = "local"
    CELERY = "celery"


@app.command()
def build(
    ao_dev_dir: Annotated[
        Path | None,
        typer.Option(
            "--ao-dev-dir", envvar="AO_DEV_DIR", help="A checkout of the site's scripts; they go into the image's bin."
        ),
    ] = None,
    audit_tool: Annotated[
        list[Path] | None, typer.Option("--audit-tool", help="A Debian package for the image; may be repeated.")
    ] = None,
    requirements: Annotated[
        list[Path] | None, typer.Option("--requirements", help="Further Python packages; may be repeated.")
    ] = None,
    tag: Annotated[str, typer.Option("--tag", help="The image's name, with a tag if you like.")] = IMAGE,
    base_image: Annotated[str | None, typer.Option("--base-image", help="Another base than the Dockerfile's.")] = None,
    context: Annotated[
        Path | None, typer.Option("--context", help="Only assemble what is built from, into this new folder.")
    ] = None,
    deploy_to: Annotated[
        Path | None, typer.Option("--deploy", help="Make this folder ready to run the images, to try things.")
    ] = None,
    uid: UidOption = None,
    source: SourceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the image bdrc-airflow, and that of the demo, into this machine's Docker.

    Everything is looked at before Docker starts: what is missing, odd, contradictory or secret is told by name.

    Example: ao platform build --ao-dev-dir ~/archive-ops --audit-tool audit-tool_1.0_all.deb
    """
    checkout = find_checkout(source)
    names = image_names(tag)
    site = read_site(operations=ao_dev_dir, packages=audit_tool or (), requirements=requirements or ())
    if context is not None:
        _must_be_new(context)
        context.mkdir(parents=True)
        assemble(checkout, site, context)
        _tell(as_json, {"context": str(context.absolute())}, f"{context} holds all that the images are built from.")
        return
    changes = None
    if deploy_to is not None:
        deployment = deployment_in(deploy_to)
        changes = plan(checkout, deployment, Wish(kind="dev", uid=uid, images=names))
    with assembled(checkout, site) as folder:
        build_images(folder, names, revision=checkout.revision(), base_image=base_image)
    document = {"images": [names.airflow, names.demo]}
    _tell(as_json and changes is None, document, f"Built {names.airflow} and {names.demo}.")
    if changes is not None:
        carry_out(changes, deployment)
        _show_changes(visible_changes(changes))
        if as_json:
            print_json(document | {"deployment": str(deployment.root), "address": deployment.address})
            return
        say("")
        say(f"Start it:      cd {deployment.root} && docker compose up -d")
        say("To watch it:   docker compose --profile dev up -d   (adds sample deliveries)")
        _say_sign_in(deployment)


@app.command()
def deploy(
    dest: DestOption,
    dev: Annotated[bool, typer.Option("--dev", help="To try things: with an archive of its own.")] = False,
    prod: Annotated[bool, typer.Option("--prod", help="For real: on the archive's mounts.")] = False,
    uid: UidOption = None,
    arch_root: Annotated[str | None, typer.Option("--arch-root", help="The folder of Archive0 … Archive3.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="The image to run.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="The web pages' port.")] = None,
    executor: Annotated[Executor | None, typer.Option("--executor", help="Where tasks run.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="How many workers, with celery.")] = None,
    accept_archive: Annotated[
        bool, typer.Option("--accept-archive", help="Take empty, unmounted archive folders for right.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only show what would be done, with the differences; exit code 1 if anything."),
    ] = False,
    source: SourceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create or update a directory that the platform runs in.

    Makes the compose file, .env, secrets and folders with the right owner. Secrets are never replaced, and neither is a
    file that you have changed: the new version is laid beside it. Run it again after each update.

    Example: ao platform deploy --dest /srv/ao --prod --uid 2001
    """
    if dev and prod:
        raise UsageError("It is either --dev or --prod.", action="Leave one of them out.")
    kind: Kind | None = "dev" if dev else "prod" if prod else None
    deployment = deployment_in(dest)
    wish = Wish(
        kind=kind,
        uid=uid,
        arch_root=str(Path(arch_root).absolute()) if arch_root else None,
        images=image_names(tag) if tag else None,
        port=port,
        executor=executor.value if executor else None,
        workers=workers,
        accept_archive=accept_archive,
    )
    changes = plan(find_checkout(source), deployment, wish)
    shown = visible_changes(changes)
    if not check:
        carry_out(changes, deployment)
    if as_json:
        print_json({"deployment": str(deployment.root), "changes": [change.as_dict() for change in shown]})
    else:
        _show_changes(shown, with_differences=check)
        if not shown:
            say(f"{deployment.root} is as it should be.")
        elif not check:
            say("")
            say("Next: put queues into config/ao.toml and their credentials into secrets/aws,")
            say(f"then: ao platform up --dest {deployment.root}")
    if check and any(change.action in {"create", "update"} for change in shown):
        raise typer.Exit(ExitCode.REJECTED)


@app.command()
def preflight(dest: DestOption = HERE, as_json: JsonOption = False) -> None:
    """Check what the platform needs before it starts, and say how to mend what is wrong (exit code 3).

    Example: ao platform preflight --dest /srv/ao
    """
    checks = examine_platform(find_deployment(dest))
    show_checks(checks, as_json=as_json)
    if any(check.verdict == Verdict.BAD for check in checks):
        raise typer.Exit(ExitCode.SYSTEM)


@app.command()
def up(
    dest: DestOption = HERE,
    demo: Annotated[bool, typer.Option("--demo", help="With the stand-in for AWS and sample deliveries.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Start the platform, wait until it is healthy, and say where to sign in. Changes nothing that runs already.

    Example: ao platform up --dest /srv/ao
    """
    deployment = find_deployment(dest)
    services = operate.bring_up(deployment, profiles=["dev"] if demo else [], tell=say)
    if as_json:
        print_json(_status(deployment, services))
    else:
        _say_sign_in(deployment)


@app.command()
def down(
    dest: DestOption = HERE,
    remove_data: Annotated[
        bool, typer.Option("--remove-data", help="Remove the databases and scratch, too. The archive stays.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stop the platform; work in progress goes on at the next start. Databases stay unless told otherwise.

    Example: ao platform down --dest /srv/ao
    """
    deployment = find_deployment(dest)
    if remove_data and not yes:
        typer.confirm(f"Remove the catalog and Airflow's database of {deployment.root} for good?", abort=True)
    options = ["--volumes"] if remove_data else []
    Stack(deployment).refuse_foreign()
    Stack(deployment).run("--profile", "dev", "--profile", "celery", "down", "--remove-orphans", *options)
    _tell(as_json, {"deployment": str(deployment.root), "data_removed": remove_data}, "Stopped.")


@app.command()
def status(dest: DestOption = HERE, as_json: JsonOption = False) -> None:
    """Show each service and whether it is healthy (exit code 3 if one is not).

    Example: ao platform status --dest /srv/ao --json
    """
    deployment = find_deployment(dest)
    services = Stack(deployment).services()
    document = _status(deployment, services)
    if as_json:
        print_json(document)
    elif services:
        out().print(_table(services))
        _say_sign_in(deployment)
    else:
        say("Nothing runs. Start it with `ao platform up`.")
    if not document["healthy"]:
        raise typer.Exit(ExitCode.SYSTEM)


@app.command()
def logs(
    service: Annotated[str | None, typer.Argument(help="One service, such as scheduler; by default all.")] = None,
    dest: DestOption = HERE,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    tail: Annotated[int, typer.Option("--tail", min=0, help="How many lines of each.")] = 200,
) -> None:
    """Show what the services have written. The logs of tasks are in the folder logs, and in Airflow's pages.

    Example: ao platform logs scheduler --tail 50 --dest /srv/ao
    """
    options = ["--follow"] if follow else []
    Stack(find_deployment(dest)).replace_process("logs", "--tail", str(tail), *options, *([service] if service else []))


@app.command()
def upgrade(
    dest: DestOption = HERE,
    tag: Annotated[str | None, typer.Option("--tag", help="Another image than the one that runs.")] = None,
    source: SourceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a running platform to this version and the image that is there now, after a backup of its databases.

    Build the image first. If the new version does not come up, the message names the backup and says how to go back.

    Example: ao platform upgrade --dest /srv/ao
    """
    deployment = find_deployment(dest)
    changes = plan(find_checkout(source), deployment, Wish(images=image_names(tag) if tag else None))
    _show_changes(visible_changes(changes))
    image = image_names(tag).airflow if tag else deployment.env().get("AO_IMAGE") or image_names(IMAGE).airflow
    backup = operate.upgrade(
        deployment,
        image=image,
        folder=deployment.root / "backups",
        lay=lambda: carry_out(changes, deployment),
        tell=say,
    )
    document = {"deployment": str(deployment.root), **backup.as_dict()}
    _tell(as_json, document, f"Upgraded. Keep {backup.path} until you are content.")


@app.command()
def clean(
    dest: DestOption = HERE,
    days: Annotated[int, typer.Option("--days", min=1, help="How many days stay.")] = 90,
    as_json: JsonOption = False,
) -> None:
    """Remove Airflow's records and logs of runs that are older than some days; the catalog keeps its history for good.

    Example: ao platform clean --days 30 --dest /srv/ao
    """
    deployment = find_deployment(dest)
    operate.clean(deployment, days=days)
    document = {"deployment": str(deployment.root), "days": days}
    _tell(as_json, document, f"What Airflow had recorded and logged of more than {days} days ago is removed.")


@app.command()
def backup(
    dest: DestOption = HERE,
    to: Annotated[Path | None, typer.Option("--to", help="The file to write; by default one in backups.")] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop what works first, and leave it so: to move to another machine.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write both databases, settings and secrets of a running platform into one file, which must be kept secret.

    Example: ao platform backup --dest /srv/ao --to /srv/ao-platform.tar
    """
    deployment = find_deployment(dest)
    target = to.absolute() if to else deployment.root / "backups" / operate.backup_name()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = operate.backup(deployment, target, stay_stopped=stop, tell=say)
    told = f"{made.path} is written and read back. It holds the secrets: keep it where only you can read it."
    _tell(as_json, made.as_dict(), told)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `ao platform backup` made.")],
    dest: DestOption,
    uid: UidOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new directory the platform that a backup was made of; `ao platform up` then starts it.

    The archive itself is not in a backup. Build the image first, of the same version or a newer one.

    Example: ao platform restore ao-platform-20261124T120000Z.tar --dest /srv/ao
    """
    deployment = deployment_in(dest)
    restored = operate.restore(file.absolute(), deployment, uid=uid, tell=say)
    document = {"deployment": str(deployment.root), **restored.as_dict()}
    _tell(as_json, document, f"Restored what was backed up at {restored.made} (version {restored.version}).")
    say(f"Next: ao platform deploy --dest {deployment.root} && ao platform up --dest {deployment.root}")


def _show_changes(changes: Sequence[Change], *, with_differences: bool = False) -> None:
    for change in changes:
        style = "yellow" if change.action == "warn" else None
        say(f"{change.action:7} {change.path}: {change.detail}", style=style)
        for line in change.difference.splitlines() if with_differences else ():
            say(f"        {line}")


def _tell(as_json: bool, document: Mapping[str, Any], text: str) -> None:
    """Tell what was done: to the machine, if asked for, or to a person."""
    if as_json:
        print_json(document)
    else:
        say(text)


def _status(deployment: Deployment, services: Sequence[Service]) -> dict[str, Any]:
    is_healthy = bool(services) and all(service.is_good for service in services)
    shown = [service.as_dict() for service in services]
    return {"address": deployment.address, "healthy": is_healthy, "services": shown}


def _must_be_new(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty.", action="Name a new folder.", code="destination-occupied")


def _say_sign_in(deployment: Deployment) -> None:
    name = deployment.env().get("AO_ADMIN_NAME") or "admin"
    password = _short(deployment.secrets / "admin_password")
    say(f"Sign in:       {deployment.address} as {name}; the password is in {password}")


def _short(path: Path) -> str:
    """Return a path as one would type it from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _table(services: list[Service]) -> Table:
    table = Table("Service", "State", "Health", "Container", box=None, pad_edge=False)
    for service in services:
        state = "done" if service.name == "init" and service.is_good else service.state
        style = "green" if service.is_good else "red"
        table.add_row(cell(service.name), cell(state), cell(service.health), cell(service.container), style=style)
    return table
