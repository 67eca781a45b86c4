"""``ao sync``: a work into its place in the archive file system."""

from pathlib import Path
from typing import Annotated

import typer

from ao_workflows.archive import sync_work
from ao_workflows.audit import AuditConfigurer, run_audit
from ao_workflows.cli.output import JsonOption, print_json, progress_bytes, say, settings_with_logs
from ao_workflows.units import size_text
from ao_workflows.works import parse_rid


def sync(
    work: Annotated[Path, typer.Argument(help="The folder of the work.", metavar="WORK", show_default=False)],
    archive: Annotated[
        Path | None,
        typer.Option(help="The folder that holds Archive0 … Archive3; the settings say where when left out."),
    ] = None,
    with_audit: Annotated[bool, typer.Option("--audit", help="Audit the work first; stop if it fails.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a work to Archive{n}/{nn}/{RID}, every byte proved on disk, and nothing done twice.

    A new work appears in one piece or not at all; a changed file is replaced only after the new one is verified.

    Example: ao sync /mnt/incoming/W22084 --archive /mnt
    """
    settings = settings_with_logs()
    work = work.absolute()
    rid = parse_rid(work.name)
    if with_audit:
        rules = AuditConfigurer(settings.audit).for_work(work)
        rejection = run_audit(work, tests=rules.tests, properties=rules.properties).rejection()
        if rejection is not None:
            raise rejection
    with progress_bytes(f"{rid} → archive", None) as progress:
        result = sync_work(work, archive or settings.archive_root, rid=rid, progress=progress)
    if as_json:
        print_json(result.as_dict())
        return
    say(
        f"{rid} is in {result.archive_path}: {result.added} files added, {result.replaced} replaced, "
        f"{result.unchanged} unchanged, {size_text(result.bytes)} written and verified."
    )
    for name in result.skipped:
        say(f"  not archived: {name}")
