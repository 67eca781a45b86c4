"""Examining each real thing that the job needs; nothing is changed."""

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from ao_workflows.access import web_target
from ao_workflows.catalog import known_buckets, messages_not_understood, now
from ao_workflows.checks import Check, Verdict
from ao_workflows.errors import AoError
from ao_workflows.glacier import Queue
from ao_workflows.settings import QueueSettings, Settings
from ao_workflows.staging.opened_catalog import open_catalog
from ao_workflows.staging.process import Process
from ao_workflows.staging.scratch import free_bytes
from ao_workflows.staging.site_program import find_program
from ao_workflows.staging.sync_plan import BUILT_IN, group_number, site_config
from ao_workflows.storage import AwsAccess
from ao_workflows.units import size_text
from ao_workflows.works import ARCHIVE_ROOTS

_CLOCK_TOLERANCE = timedelta(seconds=60)
"""AWS refuses requests whose time is off by 15 minutes; times in the history should be better than that."""


def examine(settings: Settings) -> list[Check]:
    """Return the checks of everything that ``settings`` name, in the order of the flow."""
    process = Process(settings, open_catalog(settings))
    try:
        return [
            *_guarded("catalog", _catalog(process)),
            *_guarded("scratch", _scratch(settings)),
            *_guarded("archive", _archive(settings)),
            *_sync(settings),
            *_site_programs(settings),
            *_guarded("web", _web(process)),
            *_guarded("drop folder", _drop_folder(settings)),
            *(
                check
                for queue in settings.intake.queues
                for check in _guarded(f"queue {queue.name}", _queue(process, queue))
            ),
            *_buckets(process),
        ]
    finally:
        process.catalog.close()


def _guarded(name: str, checks: Iterator[Check]) -> Iterator[Check]:
    """Turn an error in the middle of ``checks`` into a bad check."""
    try:
        yield from checks
    except AoError as error:
        yield Check(name, Verdict.BAD, error.message, error.action)


def _catalog(process: Process) -> Iterator[Check]:
    process.catalog.check()
    yield Check("catalog", Verdict.GOOD, f"{process.catalog.name}, revision {process.catalog.revision()}")
    with process.catalog.reading() as session:
        open_problems = len(messages_not_understood(session))
    if open_problems:
        yield Check(
            "messages",
            Verdict.WARNING,
            f"{open_problems} were not understood",
            "Read them with `ao intake --problems`.",
        )


def _scratch(settings: Settings) -> Iterator[Check]:
    folder = settings.scratch_folder
    if settings.scratch.folder is None and not folder.exists():
        yield Check("scratch", Verdict.WARNING, f"{folder} is not there yet", "Nothing to do: it is made when needed.")
        return
    yield _writable(
        "scratch", folder, "Create the folder or mount its disk, let this user write it, or set folder in [scratch]."
    )
    if folder.is_dir():
        free = free_bytes(folder, keep=settings.scratch.keep_free_bytes)
        kept = f"{size_text(settings.scratch.keep_free_bytes)} are kept free"
        if free > 0:
            yield Check("scratch space", Verdict.GOOD, f"{size_text(free)} for deliveries; {kept}")
        else:
            action = "Free some space there, or give scratch a larger disk; until then, deliveries wait."
            yield Check("scratch space", Verdict.BAD, f"nothing left for deliveries; {kept}", action)


def _archive(settings: Settings) -> Iterator[Check]:
    root = settings.archive_root
    for name in ARCHIVE_ROOTS:
        action = f"Mount {name} there (or create the folder), let this user write it, or correct root in [archive]."
        marker = settings.archive.marker
        if marker is not None and (root / name).is_dir() and not os.path.lexists(root / name / marker):
            found = f"{root / name} has no file {marker}: what should be mounted there is not"
            yield Check(f"archive {name}", Verdict.BAD, found, f"Mount {name} there.")
        else:
            yield _writable(f"archive {name}", root / name, action)


def _sync(settings: Settings) -> Iterator[Check]:
    """Check what decides how works are archived and where else they go."""
    yield from _guarded("archive group", _group(settings))
    yield from _guarded("sync rules", _sync_rules(settings))


def _group(settings: Settings) -> Iterator[Check]:
    if settings.archive.group is not None:
        yield Check("archive group", Verdict.GOOD, f"{settings.archive.group} ({group_number(settings.archive.group)})")


def _sync_rules(settings: Settings) -> Iterator[Check]:
    _, place = site_config(settings)
    if place != BUILT_IN:
        yield Check("sync rules", Verdict.GOOD, place)


def _web(process: Process) -> Iterator[Check]:
    name = process.settings.web.target
    if name is not None:
        web_target(process.settings, name, process.connections).store.check()
        yield Check("web", Verdict.GOOD, f"{name} is there")


def _site_programs(settings: Settings) -> Iterator[Check]:
    """Check the programs of the site that do the work of a stage, if any do."""
    for name, chosen in (("sync program", settings.sync), ("audit program", settings.audit)):
        if chosen.backend == "command":
            yield from _guarded(name, _site_program(name, chosen.command))


def _site_program(name: str, command: str) -> Iterator[Check]:
    yield Check(name, Verdict.GOOD, str(find_program(command)))


def _drop_folder(settings: Settings) -> Iterator[Check]:
    if settings.drop_folder is not None:
        action = "Create the folder, let this user write it, or correct drop_folder in [intake]."
        yield _writable("drop folder", settings.drop_folder, action)
    elif not settings.intake.queues:
        yield Check(
            "intake",
            Verdict.WARNING,
            "neither queues nor a drop folder are set: nothing can arrive",
            "Set queues or drop_folder in [intake].",
        )


def _queue(process: Process, settings: QueueSettings) -> Iterator[Check]:
    name = f"queue {settings.name}"
    queue = process.queue(settings)
    attributes = queue.attributes()
    yield Check(name, Verdict.GOOD, f"{attributes.get('ApproximateNumberOfMessages', '?')} messages")
    yield from _guarded(f"{name} dead letters", _dead_letters(queue, attributes.get("RedrivePolicy")))
    offset = _clock_offset(queue.last_date)
    if offset is not None:
        is_good = offset <= _CLOCK_TOLERANCE
        yield Check(
            f"clock against {name}",
            Verdict.GOOD if is_good else Verdict.BAD,
            f"{offset.total_seconds():.0f} s apart",
            "" if is_good else "Set this machine's clock, and run a time service (NTP).",
        )
    identity = f"AWS identity for {name}"
    yield from _guarded(identity, _identity(identity, process.aws_access(settings)))


def _identity(name: str, access: AwsAccess) -> Iterator[Check]:
    yield Check(name, Verdict.GOOD, access.identity())


def _dead_letters(queue: Queue, policy: str | None) -> Iterator[Check]:
    name = f"queue {queue.name} dead letters"
    try:
        target = str(json.loads(policy or "{}").get("deadLetterTargetArn") or "").rpartition(":")[2]
    except (ValueError, AttributeError):
        target = ""
    if not target:
        yield Check(
            name,
            Verdict.WARNING,
            "no dead-letter queue is set",
            "Give the queue a RedrivePolicy, so that a message that nobody can take is kept and seen.",
        )
        return
    waiting = Queue(queue.client, target).attributes().get("ApproximateNumberOfMessages", "?")
    if waiting == "0":
        yield Check(name, Verdict.GOOD, f"none in {target}")
    else:
        action = "Read them; when the cause is mended, move them back (SQS: start DLQ redrive)."
        yield Check(name, Verdict.WARNING, f"{waiting} messages in {target}", action)


def _clock_offset(date: str | None) -> timedelta | None:
    """Return how far this clock is from a ``Date`` header, ``None`` if that says nothing."""
    try:
        return abs(parsedate_to_datetime(date or "").astimezone(UTC) - now())
    except ValueError:
        return None


def _buckets(process: Process) -> Iterator[Check]:
    """Check the buckets that deliveries came from; of a catalog that cannot tell, its own check has told."""
    try:
        process.catalog.check()
        with process.catalog.reading() as session:
            buckets = known_buckets(session)
    except AoError:
        return
    for bucket, queue in buckets:
        yield from _guarded(f"bucket {bucket}", _bucket(process, bucket, queue))


def _bucket(process: Process, bucket: str, queue: str) -> Iterator[Check]:
    process.bucket(bucket, queue=queue).check()
    yield Check(f"bucket {bucket}", Verdict.GOOD, "can be reached")


def _writable(name: str, folder: Path, action: str) -> Check:
    """Check by really writing: permission bits say little about network mounts."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Check(name, Verdict.GOOD, f"{folder} can be written by user {os.geteuid()}")
    except OSError as error:
        return Check(name, Verdict.BAD, f"{folder}: {error.strerror} (as user {os.geteuid()})", action)
