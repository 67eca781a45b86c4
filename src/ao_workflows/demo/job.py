"""``make demo``: four deliveries, the real DAGs, and a report of what became of them."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ao_workflows.catalog import WorkRow, list_works
from ao_workflows.demo.airflow_home import airflow_environment, finish_migration, start_migration
from ao_workflows.demo.checks import unmet_expectations
from ao_workflows.demo.extras import require_extras
from ao_workflows.demo.place import BUCKET, QUEUE, DemoPlace
from ao_workflows.demo.samples import SampleDelivery, Samples, make_samples
from ao_workflows.demo.standin import AwsStandIn
from ao_workflows.errors import ExitCode, SystemFailed
from ao_workflows.log import visible
from ao_workflows.settings import settings_from_file
from ao_workflows.staging.opened_catalog import open_catalog
from ao_workflows.staging.process import Process
from ao_workflows.storage import S3Store
from ao_workflows.units import duration_text, size_text


def run_demo(root: Path, console: Console) -> ExitCode:
    """Run the demo in the folder ``root`` and tell its course on ``console``.

    :return: done if everything came out as it must, else that the system failed.
    :raises AoError: if a step fails.
    """
    require_extras("airflow", "bagit", "moto", "PIL")
    begun = time.monotonic()
    place = DemoPlace(root.absolute())
    place.make_new()
    with AwsStandIn(place.standin) as aws:
        place.write_settings(aws.access)
        environment = airflow_environment(place, aws.environment)
        migration = start_migration(place, environment)
        samples = _draw(place, console)
        deliver_samples(aws, samples, drop_folder=place.drop_folder, console=console)
        finish_migration(place, migration)
        process = _open_catalog(place)
        _run_dags(place, environment, console)
        queues = aws.queue_depths()
        kept_objects = [info.key for info in S3Store(aws.access.s3(), BUCKET).list()]
    with process.catalog.reading() as session:
        rows = list_works(session)
    _write_report(place, rows, queues)
    unmet = unmet_expectations(place, samples, rows, queues=queues, kept_objects=kept_objects)
    _show(place, rows, console, seconds=time.monotonic() - begun)
    for problem in unmet:
        console.print(f"Not as it must be: {problem}", style="bold red", markup=False)
    return ExitCode.SYSTEM if unmet else ExitCode.DONE


def _draw(place: DemoPlace, console: Console) -> Samples:
    samples = make_samples(place.samples)
    size = sum(delivery.zip_path.stat().st_size for delivery in samples.deliveries)
    works = sum(len(delivery.works) for delivery in samples.deliveries)
    _tell(console, f"Drew {works} works and packed them into {len(samples.deliveries)} deliveries ({size_text(size)}).")
    return samples


def deliver_samples(aws: AwsStandIn, samples: Samples, *, drop_folder: Path, console: Console) -> None:
    """Deliver ``samples`` through the stand-in and the drop folder, and tell it on ``console``."""
    aws.prepare(BUCKET, QUEUE)
    archived = [delivery for delivery in samples.deliveries if delivery.kind == "s3"]
    for delivery in archived:
        aws.put(delivery)
    _tell(console, f"Put {len(archived)} of them into s3://{BUCKET} as DEEP_ARCHIVE; nobody can read them now.")
    for delivery in archived:
        aws.request_restore(delivery.key)
    restored = aws.complete_restores()
    _tell(console, f"Requested their restore, and let it complete: {len(restored)} events go to the queue {QUEUE}.")
    for delivery in samples.deliveries:
        if delivery.kind == "drop":
            _drop(delivery, drop_folder)
            _tell(console, f"Put {delivery.key} into the drop folder.")


def _drop(delivery: SampleDelivery, folder: Path) -> None:
    """Copy as a careful person does: under a hidden name first."""
    hidden = folder / f".{delivery.key}"
    shutil.copy2(delivery.zip_path, hidden)
    hidden.rename(folder / delivery.key)


def _open_catalog(place: DemoPlace) -> Process:
    settings = settings_from_file(place.config)
    open_catalog(settings).upgrade()
    return Process.open(settings)


def _run_dags(place: DemoPlace, environment: Mapping[str, str], console: Console) -> None:
    log = place.root / "airflow.log"
    _tell(console, f"Running the Airflow DAGs until nothing is left to do (their log: {_short(log)}) ...")
    with log.open("wb") as file:
        result = subprocess.run(
            [sys.executable, "-m", "ao_workflows.demo.drive_dags"],
            env=dict(environment),
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode != 0:
        raise SystemFailed("The DAGs could not be run.", action=f"Read {log}.", code="demo-dags")


def _write_report(place: DemoPlace, rows: Sequence[WorkRow], queues: Mapping[str, int]) -> None:
    report: dict[str, Any] = {"works": [row.as_dict() for row in rows], "queues": dict(queues)}
    (place.root / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _show(place: DemoPlace, rows: Sequence[WorkRow], console: Console, *, seconds: float) -> None:
    table = Table("Work", "State", "Files", "Size", "Where", "Time", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row.rid,
            row.state,
            str(row.files or ""),
            size_text(row.bytes) if row.bytes else "",
            _short(Path(row.archive_path)) if row.archive_path else "nothing of it is in the archive",
            duration_text(row.seconds) if row.seconds is not None else "",
            style={"complete": "green", "rejected": "red"}.get(row.state),
        )
    console.print()
    console.print(table)
    for row in rows:
        if row.state != "complete":
            console.print(f"\n{row.rid} is {row.state} ({row.reason_code}):", markup=False, highlight=False)
            for name, value in _explanation(row):
                console.print(f"  {name:9} {visible(value)}", markup=False, highlight=False)
    console.print(
        f"\nDone in {duration_text(seconds)}. Report: {_short(place.root / 'report.json')}. "
        f"Look around: AO_CONFIG={_short(place.config)} .venv/bin/ao works list",
        highlight=False,
    )


def _explanation(row: WorkRow) -> Iterator[tuple[str, str]]:
    yield "delivery", row.source
    if not row.findings:
        yield "reason", row.reason
    for finding in row.findings:
        yield "file", finding["path"]
        yield "reason", finding["message"]
        yield from ((side, finding[side]) for side in ("expected", "found") if side in finding)
    yield "next step", row.action


def _tell(console: Console, text: str) -> None:
    console.print(f"• {text}", markup=False, highlight=False)


def _short(path: Path) -> str:
    """Return ``path`` as seen from here, when it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
