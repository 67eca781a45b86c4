"""``make airflow``: a local Airflow with its web UI, working on the stand-in, for as long as one likes to watch."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from ao_workflows.demo.airflow_home import airflow_environment, finish_migration, start_migration
from ao_workflows.demo.extras import require_extras
from ao_workflows.demo.place import BUCKET, QUEUE, DemoPlace
from ao_workflows.demo.samples import SampleDelivery, make_delivery
from ao_workflows.demo.standin import AwsStandIn
from ao_workflows.errors import SystemFailed
from ao_workflows.settings import settings_from_file
from ao_workflows.staging.opened_catalog import open_catalog
from ao_workflows.works import parse_rid

USER = "admin"
START_SECONDS = 300
"""How long Airflow may take until its web UI answers."""

SERVICES = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    # Logs are read from the disk; a server for them would listen on all of this machine's addresses.
    "scheduler": ("scheduler", "--skip-serve-logs"),
}
"""What makes up Airflow here. Its triggerer is left out: no task of ours defers."""

WHAT_NEXT = """
Send a delivery with `make deliver` in another terminal (`make deliver CORRUPT=1`: a damaged one). The DAG intake looks
every minute and starts a run named after the work. Ctrl-C ends everything."""


def live_place(root: Path) -> DemoPlace:
    """Return the folder of the live demo: not that of ``make demo``, which may run meanwhile."""
    return DemoPlace(root.absolute() / "live")


def run_live(root: Path, console: Console) -> None:
    """Start stand-in and Airflow, say where to look, and serve until interrupted.

    :raises AoError: if a part does not start.
    """
    require_extras("airflow", "bagit", "moto", "PIL")
    place = live_place(root)
    place.make_new()
    with AwsStandIn(place.standin) as aws:
        place.write_settings(aws.access)
        aws.prepare(BUCKET, QUEUE)
        port, password = _free_port(), secrets.token_urlsafe(12)
        environment = {**airflow_environment(place, aws.environment), **_web_environment(place, port, password)}
        console.print("Preparing Airflow's database ...")
        finish_migration(place, start_migration(place, environment))
        open_catalog(settings_from_file(place.config)).upgrade()
        console.print(f"Starting Airflow (its logs: {place.airflow}/*.log); this takes half a minute ...", markup=False)
        url = f"http://127.0.0.1:{port}"
        with _services(place, environment) as services:
            _wait_until_healthy(services, url)
            console.print(f"\nOpen      {url}\nSign in   {USER} / {password}", markup=False)
            console.print(WHAT_NEXT, markup=False)
            while all(service.poll() is None for service in services):
                time.sleep(1)
        raise SystemFailed(
            "A part of Airflow ended by itself.", action=f"Read the logs in {place.airflow}.", code="airflow-ended"
        )


def send_delivery(root: Path, *, corrupt: bool, pages: int) -> SampleDelivery:
    """Draw a new work, put it into the running demo's bucket, and let its restore complete.

    :raises UsageError: if ``make airflow`` does not run.
    """
    place = live_place(root)
    aws = AwsStandIn.attach(place.standin)
    # The time makes a new RID for every delivery, and spreads them over the archive's mounts.
    rid = parse_rid(f"W1DEMO{int(time.time()) % 1_000_000:06d}")
    delivery = make_delivery(place.samples, rid, corrupt=corrupt, pages=pages)
    aws.put(delivery)
    aws.request_restore(delivery.key)
    aws.complete_restores()
    return delivery


def _web_environment(place: DemoPlace, port: int, password: str) -> dict[str, str]:
    passwords = place.airflow / "passwords.json"
    # Only this user may read the password.
    with os.fdopen(os.open(passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({USER: password}, file)
    return {
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    }


@contextmanager
def _services(place: DemoPlace, environment: Mapping[str, str]) -> "Iterator[list[subprocess.Popen[bytes]]]":
    """Start Airflow's services, each in a process group of its own, and end them all when the block ends."""
    services: list[subprocess.Popen[bytes]] = []
    try:
        for name, arguments in SERVICES.items():
            with (place.airflow / f"{name}.log").open("wb") as log:
                services.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "airflow", *arguments],
                        env=dict(environment),
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        yield services
    finally:
        for service in services:
            _end(service)


def _wait_until_healthy(services: "Sequence[subprocess.Popen[bytes]]", url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and all(service.poll() is None for service in services):
        with (
            suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer,  # noqa: S310  # on loopback
        ):
            parts = json.load(answer)
            if all(parts.get(name, {}).get("status") == "healthy" for name in ("scheduler", "dag_processor")):
                return
        time.sleep(1)
    raise SystemFailed("Airflow did not start.", action="Read the logs in its folder.", code="airflow-start")


def _free_port() -> int:
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])


def _end(service: "subprocess.Popen[bytes]") -> None:
    """End a service and whatever it has started; politely first."""
    for wish, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(service.pid, wish)
        with suppress(subprocess.TimeoutExpired):
            service.wait(timeout=patience)
            break
    with suppress(ProcessLookupError):
        os.killpg(service.pid, signal.SIGKILL)
