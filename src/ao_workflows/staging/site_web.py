"""Publishing by the site's own program: done only when the web has every image, and a manifest that names it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ao_workflows.access import WebTarget
from ao_workflows.archive.web import WebVolume, verify_web
from ao_workflows.errors import Finding, SystemFailed
from ao_workflows.settings import Settings
from ao_workflows.staging.on_mount import on_mount
from ao_workflows.staging.site_tools import sync_to_web
from ao_workflows.staging.sync_plan import SyncPlan, web_options
from ao_workflows.staging.telling import told
from ao_workflows.staging.volumes import bytes_of
from ao_workflows.works import Rid


def published_by_command(
    settings: Settings,
    plan: SyncPlan,
    work: Path,
    rid: Rid,
    *,
    target: WebTarget,
    volumes: Sequence[WebVolume] | None,
    mount: Path | None,
) -> dict[str, Any]:
    """Let the site's program put a work's images onto the web, and prove that it did.

    :param work: the folder that is published.
    :param volumes: what has to be on the web afterwards; ``None`` to believe the program.
    :param mount: the archive mount that ``work`` is on, if it is on one.
    :raises MustWait: (``waiting-for-mount``) if that does not answer while the images are compared.
    :returns: what is there, for the record.
    :raises SystemFailed: (``web-command-unproved``) naming each object that is missing on the web or is wrong; if the
        program, or the store, fails.
    :raises ContentRejected: if the program says that the content is bad.
    """
    program, address = settings.sync.command, target.address_of(rid)
    job = sync_to_web(settings, work, plan, target.works)
    detail = {"rid": rid, "address": address, "program": program, "log": str(job.log_file)}
    if volumes is None:
        return detail
    with told("proving what is on the web", bytes_of(volumes), place=address) as progress:
        options = web_options(settings, plan, prefix=target.prefix)
        findings = on_mount(
            settings,
            mount,
            lambda progress: verify_web(rid, volumes, target.store, options=options, progress=progress),
            progress=progress,
        )
    if findings:
        raise _unproved(program, address, findings, job.log_file)
    # Where other content was to be left alone, nothing was compared.
    counted = "verified" if options.update else "there"
    return detail | {counted: sum(len(volume.files) for volume in volumes), "bytes": bytes_of(volumes)}


def _unproved(program: str, address: str, findings: Sequence[Finding], log_file: Path) -> SystemFailed:
    more = len(findings) - 1
    others = f" {more} more {'object is' if more == 1 else 'objects are'} not right either." if more else ""
    return SystemFailed(
        f"{program} ended well, but {address} is not what the work has: {findings[0].message}{others}",
        action=f"See {log_file}. Mend the program, or set prove_web = false in [sync] if it is to publish elsewhere. "
        "It is tried again.",
        code="web-command-unproved",
        findings=findings,
    )
