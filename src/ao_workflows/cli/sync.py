"""``ao sync``: a work into its place in the archive file system, and its images onto the web."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ao_workflows.archive import Progress, SyncResult, bytes_below, preview_sync, sync_work
from ao_workflows.cli.output import JsonOption, print_json, progress_bytes, say, settings_with_logs, user_name
from ao_workflows.errors import UsageError
from ao_workflows.explained import Explained
from ao_workflows.settings import Settings
from ao_workflows.staging.on_mount import on_mount, wait_for_mount
from ao_workflows.staging.sync_plan import SyncPlan, archive_options, plan_sync
from ao_workflows.units import size_text
from ao_workflows.works import Rid, archive_mount, archive_path, parse_rid

if TYPE_CHECKING:
    from ao_workflows.archive.web import PublishResult
    from ao_workflows.cli.publishing import Publisher


def _folder(text: str) -> Path:
    # An empty path would mean the current folder; it is what a variable of a shell is that nobody has set.
    if not text:
        raise typer.BadParameter("it is empty, and names no folder.")
    return Path(text)


def sync(
    work: Annotated[
        Path,
        typer.Argument(help="The folder of the work.", metavar="WORK", show_default=False, parser=_folder),
    ],
    archive: Annotated[
        Path | None,
        typer.Option(help="The folder that holds Archive0 … Archive3.", metavar="ROOT", parser=_folder),
    ] = None,
    web: Annotated[
        str | None, typer.Option(help="Where readers get images: s3://bucket/prefix, or a folder.", metavar="TARGET")
    ] = None,
    replace_archive: Annotated[
        bool,
        typer.Option("--replace-archive", help="Remove from the archive copy what the work does not have."),
    ] = False,
    replace_web: Annotated[
        bool, typer.Option("--replace-web", help="Remove from the web images that are not there any more.")
    ] = False,
    checksum: Annotated[
        bool,
        typer.Option(
            "--checksum",
            help="For the archive only: read all files on both sides, rather than trust sizes and times.",
        ),
    ] = False,
    with_audit: Annotated[bool, typer.Option("--audit", help="Audit the work first; stop if it fails.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Do nothing: show where the work would go, and because of what.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a work to Archive{n}/{nn}/{RID}, every byte proved on disk, its images to the web, and nothing done twice.

    A new work appears in one piece or not at all; a changed file is replaced only after the new one is verified. What
    is published is what the archive has then. With --archive or --web only that is done; without, what the work's
    config/sync.yml, the site's or the settings say.

    Example: ao sync /mnt/incoming/W22084 --archive /mnt --web s3://images.example.org/library
    """
    settings = settings_with_logs()
    work = work.absolute()
    _check_folder(work)
    rid = parse_rid(work.name)
    named = archive is not None or web is not None
    if web is not None:
        settings = settings.model_copy(update={"web": settings.web.model_copy(update={"target": web})})
    plan = plan_sync(
        settings,
        work,
        archive=archive is not None if named else None,
        web=web is not None if named else None,
        replace_archive=replace_archive,
        replace_web=replace_web,
    )
    _check_replaced(replace_archive and not plan.archive, "--replace-archive", "into the archive")
    _check_replaced(replace_web and not plan.web, "--replace-web", "onto the web")
    if explain:
        items = (*plan.explained, _archive_place(settings, plan, rid, archive), _web_place(settings, plan, rid, web))
        _explain(work, items, as_json=as_json)
        return
    if not (plan.archive or plan.web):
        raise UsageError(
            f"There is nothing to do with {rid}: it goes neither into the archive nor onto the web.",
            action="See why with --explain, or name --archive or --web.",
        )
    if with_audit:
        _audit(settings, work)
    root = (archive or settings.archive_root).absolute() if plan.archive else None
    publish = _publisher(settings, plan) if plan.web else None
    # Whoever keeps a record of the archive finds it there; whether it can be kept is asked before anything is done.
    record = _recorder(settings, root) if root is not None and not dry_run else None
    result = _archived(settings, plan, work, root, rid, record, checksum, dry_run) if root is not None else None
    copy = archive_path(root, rid) if root is not None and not dry_run else None
    published = publish(rid, work, copy=copy, dry_run=dry_run) if publish else None
    _tell(rid, result, published, dry_run=dry_run, as_json=as_json)


def _check_folder(work: Path) -> None:
    if not os.path.isdir(work):
        what = "is not a folder" if os.path.lexists(work) else "is not there"
        raise UsageError(f"{str(work)!r} {what}.", action="Name the folder of a work.")


def _check_replaced(in_vain: bool, option: str, where: str) -> None:
    if in_vain:
        raise UsageError(
            f"{option} has nothing to replace: nothing goes {where}.",
            action=f"Leave {option} out; what goes where, and because of what, shows --explain.",
        )


def _archived(
    settings: Settings,
    plan: SyncPlan,
    work: Path,
    root: Path,
    rid: Rid,
    record: Callable[[SyncResult], None] | None,
    checksum: bool,  # private, and called once
    dry_run: bool,  # private, and called once
) -> SyncResult:
    # The work is a person's: files of it do not become the archive's.
    options = archive_options(settings, plan, link=False, checksum=checksum)
    do = preview_sync if dry_run else sync_work
    mount = archive_mount(root, rid)
    # What the settings say of their archive's mounts says nothing of another archive.
    marker = settings.archive.marker if _is_in_settings(settings, root) else None

    def sync(progress: Progress) -> SyncResult:
        wait_for_mount(mount, marker)
        return do(work, root, rid=rid, options=options, progress=progress)

    with progress_bytes(f"{rid} → archive", lambda: bytes_below(work)) as progress:
        result = on_mount(settings, mount, sync, progress=progress, may_touch=not dry_run)
    if record is not None:
        record(result)
    return result


def _is_in_settings(settings: Settings, root: Path) -> bool:
    """Tell whether ``root`` is the archive that the settings name, by whatever path."""
    if settings.archive.root is None:
        return False
    ours = settings.archive_root
    if os.path.abspath(ours) == os.path.abspath(root):
        return True
    # Links are followed by asking the disk, which may be one that never answers.
    return on_mount(settings, ours, lambda _: os.path.realpath(ours) == os.path.realpath(root), may_touch=False)


# What follows loads libraries that take longer to load than a small sync takes, and that most syncs do without.


def _audit(settings: Settings, work: Path) -> None:
    from ao_workflows.audit import AuditConfigurer, run_audit  # noqa: PLC0415  # Pillow

    rules = AuditConfigurer(settings.audit).for_work(work)
    rejection = run_audit(work, tests=rules.tests, properties=rules.properties).rejection()
    if rejection is not None:
        raise rejection


def _publisher(settings: Settings, plan: SyncPlan) -> "Publisher":
    from ao_workflows.cli.publishing import Publisher  # noqa: PLC0415  # boto3

    return Publisher(settings, plan)


def _recorder(settings: Settings, root: Path) -> Callable[[SyncResult], None] | None:
    if not settings.has_catalog:
        return None
    # The catalog knows one copy of each work, and stages trust what it says of that.
    if settings.archive.root is not None and not _is_in_settings(settings, root):
        return lambda _: say(f"not recorded in the catalog: {root} is not the archive of the settings")
    from ao_workflows.staging.archive_record import recorder  # noqa: PLC0415  # SQLAlchemy

    return recorder(settings, actor=user_name())


def _tell(
    rid: Rid, result: SyncResult | None, published: "PublishResult | None", *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        document: dict[str, Any] = {"rid": rid} | (result.as_dict() if result else {})
        if dry_run:  # nothing was written, so nothing was read back
            document = {key: value for key, value in document.items() if key not in {"verified", "from_memory"}}
        if published is not None:
            document["web"] = published.as_dict()
        print_json(document | ({"dry_run": True} if dry_run else {}))
        return
    is_there = "would be" if dry_run else "is"
    if result is not None:
        removed = f"{result.removed} removed, " if result.removed else ""
        proved = "to be written" if dry_run else "written and verified"
        say(
            f"{rid} {is_there} in {result.archive_path}: {result.added} files added, {result.replaced} replaced, "
            f"{removed}{result.unchanged} unchanged, {size_text(result.bytes)} {proved}."
        )
        # A page or two stay by chance; where most do, the file system never drops them.
        if result.from_memory * 2 > result.verified:
            say(
                f"  {result.from_memory} files were read back from memory, as far as one can tell: the file system did "
                "not drop them, or does not say so. The disk itself may not have been asked.",
                style="yellow",
            )
        for name in result.skipped:
            say(f"  not archived: {name}")
    if published is not None:
        left = f"{published.left} others left alone, " if published.left else ""
        removed = f"{published.removed} removed, " if published.removed else ""
        say(
            f"{rid} {is_there} at {published.address}: {published.sent} sent, {left}{removed}"
            f"{published.unchanged} unchanged, {size_text(published.bytes)} sent."
        )


def _archive_place(settings: Settings, plan: SyncPlan, rid: Rid, named: Path | None) -> Explained:
    """Tell the work's place in the archive. :param named: the archive that the command line names."""
    key, root = "archive path", named or settings.archive.root
    if root is None:
        return Explained(key, "not set", "the settings: [archive] has no root")
    if not plan.archive:
        return Explained(key, "none", plan.origin_of("archive"))
    origin = "the settings: [archive] root" if named is None else "the command line"
    return Explained(key, str(archive_path(root.absolute(), rid)), origin)


def _web_place(settings: Settings, plan: SyncPlan, rid: Rid, named: str | None) -> Explained:
    """Tell the address of the work's images. :param named: the target that the command line names."""
    key, target = "web address", settings.web.target
    if target is None:
        return Explained(key, "not set", "the settings: [web] has no target")
    if not plan.web:
        return Explained(key, "none", plan.origin_of("web"))
    from ao_workflows.access import web_address  # noqa: PLC0415  # boto3

    origin = "the settings: [web] target" if named is None else "the command line"
    return Explained(key, web_address(target, rid), origin)


def _explain(work: Path, items: Sequence[Explained], *, as_json: bool) -> None:
    if as_json:
        print_json({"work": str(work), "plan": [item.as_dict() for item in items]})
        return
    from ao_workflows.cli.screen import show_explained  # noqa: PLC0415  # Rich

    show_explained(work, items, heading="What")
