"""Calling the site's own programs: ``syncOneWork.sh``, which puts a work where it belongs, and ``audit-tool``.

That a program says it has succeeded is no proof. What is proved, and how, is the business of who calls these functions.
"""

from collections.abc import Sequence
from pathlib import Path

from ao_workflows.errors import ContentRejected, SystemFailed
from ao_workflows.settings import Settings
from ao_workflows.staging.site_job import SiteJob, begin_job, environment
from ao_workflows.staging.site_program import ProgramEnd, find_program, run_program
from ao_workflows.staging.sync_plan import SyncPlan

SECONDS_PER_MINUTE = 60


def sync_to_archive(settings: Settings, work: Path, plan: SyncPlan, *, keep_open: Sequence[int] = ()) -> SiteJob:
    """Let the site's program put ``work``, a folder named by its RID, into the archive.

    :param plan: what is to be done with the work.
    :param keep_open: descriptors that it inherits, such as that of a lock.
    :raises ContentRejected: (``sync-command-rejected``) if it ends with a code that means so; if the work's own
        audit options are wrong.
    :raises SystemFailed: if it cannot be started, fails, takes too long, or does not say that it succeeded.
    """
    target = ["-a", f"{settings.archive_root}/Archive", *(["-A"] if plan.replace_archive else [])]
    return _sync(settings, work, plan, target, keep_open)


def sync_to_web(settings: Settings, work: Path, plan: SyncPlan, web_parent: str) -> SiteJob:
    """Let the site's program put the web images of ``work`` below ``web_parent``, such as ``s3://bucket/Works``.

    :param web_parent: what holds all works: the images of a group belong in ``{two digits}/{RID}/images/{group}/``.

    :raises AoError: as for :func:`sync_to_archive`.
    """
    return _sync(settings, work, plan, ["-w", web_parent, *(["-W"] if plan.replace_web else [])], ())


def audit_by_tool(settings: Settings, work: Path, options: Sequence[str]) -> tuple[SiteJob, ProgramEnd]:
    """Let the site's program audit ``work``. What its exit code and its logs mean is not looked at.

    :param options: the rules, as words of ``audit-tool``.
    :raises SystemFailed: if it cannot be started, or takes too long.
    """
    program, job = find_program(settings.audit.command), begin_job(settings)
    # The folder of the logs stands between the options that may take several words, and the work.
    command: list[str | Path] = [program, *options, "-l", job.audit_logs, work]
    return job, _run(settings, job, command, environment(settings, job))


def failed(program: Path | str, work: Path, job: SiteJob, end: ProgramEnd) -> SystemFailed:
    """Return the error for a program that ended otherwise than well."""
    return SystemFailed(
        f"{program} {end.how} It worked on {work.name}.",
        action=f"See what it says in {job.log_file}; it is tried again.",
        code="site-program-failed",
    )


def _sync(settings: Settings, work: Path, plan: SyncPlan, target: Sequence[str], keep_open: Sequence[int]) -> SiteJob:
    program, job = find_program(settings.sync.command), begin_job(settings)
    success = job.sync_logs / f"{work.name}.success"
    command: list[str | Path] = [program, *target, "-s", success, work]
    end = _run(settings, job, command, environment(settings, job, plan), keep_open)
    if end.code in settings.sync.rejected_exit_codes:
        raise ContentRejected(
            f"{program.name} {end.how} That code means that {work.name} is bad.",
            action=f"Mend the work and deliver it again; {job.log_file} says more.",
            code="sync-command-rejected",
        )
    if end.code != 0:
        raise failed(program, work, job, end)
    if not success.is_file():
        raise SystemFailed(
            f"{program} ended with exit code 0, and did not write {success}, by which it says that it succeeded.",
            action=f"See what it says in {job.log_file}; it is tried again.",
            code="sync-command-unproved",
        )
    return job


def _run(
    settings: Settings,
    job: SiteJob,
    command: Sequence[str | Path],
    variables: dict[str, str],
    keep_open: Sequence[int] = (),
) -> ProgramEnd:
    return run_program(
        command,
        environment=variables,
        folder=job.temporary,
        log_file=job.log_file,
        timeout=settings.sync.timeout_minutes * SECONDS_PER_MINUTE,
        keep_open=keep_open,
    )
