"""`make airflow`: a real scheduler, real workers and the web API, from the first sign-in to the end."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DEMO = [sys.executable, "-m", "ao_workflows.demo"]

pytestmark = pytest.mark.timeout(400)


class Live:
    """A running `make airflow`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*DEMO, "airflow", "--folder", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, pattern: str, *, seconds: float) -> re.Match[str]:
        """Return the first match of ``pattern`` in what it prints."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := re.search(pattern, "".join(self.lines)):
                return found
            assert self.process.poll() is None, "".join(self.lines)
            time.sleep(0.2)
        raise AssertionError(f"{pattern} was not printed:\n{''.join(self.lines)}")

    def deliver(self, *options: str) -> str:
        """Send a delivery; return its RID."""
        sent = subprocess.run(
            [*DEMO, "deliver", "--folder", str(self.folder), *options], check=True, capture_output=True, text=True
        )
        return re.search(r"/(W1DEMO\d+)\.bag\.zip", sent.stdout)[1]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        self._reader.join()

    def _read(self) -> None:
        self.lines.extend(iter(self.process.stdout.readline, ""))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    live = Live(tmp_path / "demo")
    yield live
    live.stop()


def ask(url: str, *, token: str = "", body: dict[str, str] | None = None) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=headers), timeout=20) as answer:  # noqa: S310  # on loopback
        return json.load(answer)


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes whose environment names ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_deliveries_sent_to_a_running_airflow_get_their_runs(live):
    url = live.wait_for(r"Open +(http://127\.0\.0\.1:\d+)", seconds=200)[1]
    user, password = live.wait_for(r"Sign in +(\S+) / (\S+)", seconds=10).groups()
    good = live.deliver()
    time.sleep(1.1)  # the RID is made from the second
    damaged = live.deliver("--corrupt")

    token = ask(f"{url}/auth/token", body={"username": user, "password": password})["access_token"]
    runs: dict[str, str] = {}
    deadline = time.monotonic() + 200
    while set(runs.values()) != {"success", "failed"} and time.monotonic() < deadline:
        time.sleep(1)
        answer = ask(f"{url}/api/v2/dags/staging_glacier_process/dagRuns", token=token)
        runs = {run["dag_run_id"]: run["state"] for run in answer["dag_runs"]}
    assert {run_id.partition("__")[0]: state for run_id, state in runs.items()} == {good: "success", damaged: "failed"}
    assert list((live.folder / "live" / "mnt").glob(f"Archive*/*/{good}/images"))
    assert not list((live.folder / "live" / "mnt").glob(f"Archive*/*/{damaged}"))

    live.stop()
    assert live.process.returncode == 130
    assert "Traceback" not in "".join(live.lines)
    assert processes_of(live.folder) == []
    assert os.path.exists(live.folder / "live" / "catalog.db")


def test_a_delivery_to_an_airflow_that_does_not_run_says_how_to_start_it(tmp_path):
    sent = subprocess.run([*DEMO, "deliver", "--folder", str(tmp_path)], check=False, capture_output=True, text=True)
    assert sent.returncode == 2
    assert "make airflow" in sent.stderr
    assert "Traceback" not in sent.stderr
