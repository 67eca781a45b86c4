"""What a program of the site finds around it: the folders for its logs, and its environment."""

import os
import pwd
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from ao_workflows.audit import quoted_options
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.settings import Settings
from ao_workflows.staging.sync_plan import SyncPlan
from ao_workflows.works.sync_config import invalid_sync_config

_ALWAYS = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""Variables of our own environment that every program may need, and that hold no secrets."""

_WHEN_KNOWN = ("logDipVersion", "auditToolVersion")
"""Versions of the site's programs: whoever sets them knows them."""


@dataclass(frozen=True, slots=True)
class SiteJob:
    """One run of a program of the site.

    :param at: when it began, in local time, as the site's logs have it.
    :param sync_logs: the folder of its log, made for this run alone.
    :param audit_logs: the folder for the logs of audits, made for this run alone.
    """

    at: datetime
    sync_logs: Path
    audit_logs: Path

    @property
    def date_time(self) -> str:
        """Its name in the site's logs: ``2025-03-01_12.00.00``."""
        return f"{self.at:%Y-%m-%d_%H.%M.%S}"

    @property
    def log_file(self) -> Path:
        """Where everything stands that it prints."""
        return self.sync_logs / f"sync-{self.date_time}.log"

    @property
    def temporary(self) -> Path:
        """A folder for its temporary files, in which it is started."""
        return self.sync_logs / "temp"


def begin_job(settings: Settings) -> SiteJob:
    """Return a new job, its folders made.

    :raises SystemFailed: (``site-logs-failed``) if they cannot be.
    """
    at = datetime.now().astimezone()
    folder = settings.site_logs_folder
    places = (folder / kind / f"{at:%Y-%m-%d}" for kind in ("sync-logs", "audit-test-logs"))
    name = f"{at:%Y-%m-%d_%H.%M.%S}"
    try:
        sync_logs, audit_logs = (_new_folder(place, name) for place in places)
        job = SiteJob(at, sync_logs, audit_logs)
        job.temporary.mkdir()
    except OSError as error:
        raise SystemFailed(
            f"{error.filename or folder}: {error.strerror}.",
            action="Let this user write there, or set log_folder in [sync].",
            code="site-logs-failed",
        ) from error
    return job


def _new_folder(parent: Path, name: str) -> Path:
    """Make a folder that nobody has yet: several works may begin in one second."""
    parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError


def environment(settings: Settings, job: SiteJob, plan: SyncPlan | None = None) -> dict[str, str]:
    """Return all of the environment of a program of the site. What is not known is left out.

    :param plan: what is to be done with the work.
    :raises InvalidSyncConfig: if its audit options are wrong.
    """
    passed = (*_ALWAYS, *_WHEN_KNOWN, *settings.sync.pass_environment)
    variables = {name: os.environ[name] for name in passed if name in os.environ}
    variables |= {
        "PATH": os.environ.get("PATH", os.defpath),
        "hostName": socket.gethostname(),
        "jobDateTime": job.date_time,
        "jobDate": f"{job.at:%Y-%m-%d}",
        "jobTime": f"{job.at:%H.%M.%S}",
        "auditToolLogDateTimeDir": str(job.audit_logs),
        "syncLogDateTimeDir": str(job.sync_logs),
        "syncLogDateTimeFile": str(job.log_file),
        "syncLogTempDir": str(job.temporary),
    }
    with suppress(KeyError):  # in a container, a user may have no name
        variables["userName"] = pwd.getpwuid(os.geteuid()).pw_name
    if settings.sync.db_config is not None:
        variables["DB_CONFIG"] = settings.sync.db_config
    if settings.aws.credentials_file is not None:
        variables["AWS_SHARED_CREDENTIALS_FILE"] = str(settings.aws.credentials_file.absolute())
    if settings.log.level == "debug":
        variables["DEBUG_SYNC"] = "true"
    if plan is not None:
        options = {
            "LOCAL_AUDIT_OPTIONS": _options("audit.pre", plan.audit.pre),
            "REPO_AUDIT_OPTIONS": _options("audit.post", plan.audit.post),
        }
        variables |= {name: text for name, text in options.items() if text}
        if not plan.update_web:
            variables["NO_REFRESH_WEB"] = "true"
    return variables


def _options(key: str, options: Iterable[str]) -> str:
    try:
        return quoted_options(options)
    except UsageError as error:
        raise invalid_sync_config(f"{key}: {error.message}") from error
