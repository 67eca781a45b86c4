"""A machine as an operator sees it: folders of its own, a Docker engine, a shell, and the platform's web address."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .engine import Engine

PLACES = re.compile(r"(?<![\w/.:-])/(?!opt/project/)(opt|srv|mnt)(?=/|\b)")
"""The folders of the page's machine; here they lie below a temporary one. ``/opt/project`` is the image's own."""

HEALTHY_SECONDS = 300


@dataclass
class Machine:
    """Where the page's commands are typed."""

    engine: Engine
    root: Path
    cwd: Path = field(init=False)

    def __post_init__(self) -> None:
        for name in ("home", "opt", "srv", "mnt"):
            (self.root / name).mkdir()
        self.cwd = self.root / "opt"

    @property
    def environment(self) -> dict[str, str]:
        """A newcomer's: a home of its own and nothing of this project's."""
        own = {
            name: value for name, value in self.engine.environment.items() if not name.startswith(("AO_", "AIRFLOW"))
        }
        # The system's own Python first: the oldest that there is.
        path = f"{self.engine.programs}{os.pathsep}/usr/bin{os.pathsep}/bin{os.pathsep}{own['PATH']}"
        return {**own, "HOME": str(self.root / "home"), "COLUMNS": "200", "PATH": path}

    def here(self, text: str) -> str:
        """Return a command of the page as it is on this machine."""
        return PLACES.sub(lambda match: f"{self.root}/{match[1]}", text)

    def type(self, *lines: str, code: int = 0) -> str:
        """Type ``lines`` into a shell, as the page has them; return all that they print.

        The shell stops at the first that fails; ``code`` is what is expected of the last.
        """
        script = "\n".join(["set -eu", *(self.here(line) for line in lines), f"pwd > {self.root}/cwd"])
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.cwd,
            env=self.environment,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == code, f"{script}\nended with {done.returncode}:\n{done.stdout[-6000:]}"
        if code == 0:
            self.cwd = Path((self.root / "cwd").read_text().strip())
        return done.stdout

    def ask(self, command: str) -> Any:
        """Type a command and return the JSON that it prints on standard output."""
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            cwd=self.cwd,
            env=self.environment,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        assert done.stdout, f"{command} ended with {done.returncode}: {done.stderr[-3000:]}"
        return json.loads(done.stdout)


@dataclass(frozen=True)
class Platform:
    """A running stack in a directory of a machine."""

    machine: Machine
    root: Path
    address: str = "http://127.0.0.1:8080"
    _tokens: list[str] = field(default_factory=list)

    def compose(self, *words: str, check: bool = True) -> str:
        """Run ``docker compose`` in the directory."""
        file = str(self.root / "docker-compose.yml")
        root = str(self.root)
        return self.machine.engine.docker("compose", "--project-directory", root, "--file", file, *words, check=check)

    def ao(self, *words: str) -> Any:
        """Run ``ao … --json`` in the scheduler's container."""
        return json.loads(self.compose("exec", "--no-TTY", "scheduler", "ao", *words, "--json"))

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what Docker knows of each container, by its name."""
        names = self.compose("ps", "--all", "--quiet").split()
        return (
            {each["Name"]: each for each in json.loads(self.machine.engine.docker("inspect", *names))} if names else {}
        )

    def started(self) -> dict[str, str]:
        """Return when each running container was started; another container of its name began at another time."""
        return {
            name: f"{each['Id']} {each['State']['StartedAt']}"
            for name, each in self.containers().items()
            if each["State"]["Running"]
        }

    def unhealthy(self) -> list[str]:
        """Return the containers that are not as they should be."""
        return [
            name
            for name, each in self.containers().items()
            if each["State"].get("Health", {}).get("Status", "healthy") != "healthy"
            or not (each["State"]["Running"] or each["State"]["ExitCode"] == 0)
        ]

    def wait_until_healthy(self) -> None:
        """Wait until every container is healthy."""
        wait_until(lambda: self.containers() and not self.unhealthy(), HEALTHY_SECONDS, lambda: str(self.unhealthy()))

    def wait_for_works(self, states: Mapping[str, str], *, seconds: int = 300) -> None:
        """Wait until each work is in the state that it must end in, and every run has ended."""
        wait_until(lambda: states.items() <= self._pushed().items(), seconds, lambda: f"{self._states()} of {states}")
        wait_until(lambda: not self.open_runs(), seconds, lambda: f"{self.open_runs()} go on")

    def works(self) -> dict[str, str]:
        """Return the state of each work by its RID, as `ao works list` tells."""
        return {work["rid"]: work["state"] for work in self.ao("works", "list")["works"]}

    def _states(self) -> dict[str, str]:
        """Return the same from the catalog itself: asked often, `ao` would keep a core from the work."""
        return self._pairs("SELECT rid, state FROM deliveries UNION ALL SELECT rid, state FROM works")

    def deliveries(self) -> dict[str, str]:
        """Return the state of each delivery by its number."""
        return self._pairs("SELECT id, state FROM deliveries")

    def _pairs(self, sql: str) -> dict[str, str]:
        found = self.compose("exec", "--no-TTY", "postgres", "psql", "--username=ao", "-AtF ", "ao_catalog", "-c", sql)
        return dict(line.split(" ") for line in found.splitlines() if not line.startswith(" "))

    def _pushed(self) -> dict[str, str]:
        """Return the states; where nothing goes on, have the DAG that begins everything run now and not in a minute."""
        if not self.open_runs():
            self._call("api/v2/dags/intake/dagRuns", {"Content-Type": "application/json"}, b'{"logical_date": null}')
            wait_until(lambda: not self.open_runs("intake"), 60, lambda: "intake does not end")
        return self._states()

    def token(self, password: str | None = None) -> str:
        """Sign in as the administrator; return the token. :raises HTTPError: if that is refused."""
        password = password or (self.root / "secrets" / "admin_password").read_text().strip()
        body = json.dumps({"username": "admin", "password": password}).encode()
        return str(self._call("auth/token", {"Content-Type": "application/json"}, body)["access_token"])

    def api(self, path: str, token: str | None = None) -> Any:
        """Return what Airflow's API answers to the administrator, or to whoever has another ``token``."""
        signed_in = self._token() if token is None else token
        return self._call(f"api/v2/{path}", {"Authorization": f"Bearer {signed_in}"})

    def _token(self) -> str:
        """Return a token that was taken before: passwords are slow to check, as they should be."""
        if not self._tokens:
            self._tokens.append(self.token())
        return self._tokens[0]

    def _call(self, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Any:
        if path.startswith("api/") and "Authorization" not in headers:
            headers = {**headers, "Authorization": f"Bearer {self._token()}"}
        request = urllib.request.Request(f"{self.address}/{path}", data=body, headers=dict(headers))  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # on loopback
            return json.load(answer)

    def runs(self, dag: str = "staging_glacier_process") -> dict[str, str]:
        """Return the state of each run of a DAG by its id."""
        found = self.api(f"dags/{dag}/dagRuns?limit=100")["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}

    def open_runs(self, dag: str = "staging_glacier_process") -> list[str]:
        """Return the runs of a DAG that have not ended."""
        return [run for run, state in self.runs(dag).items() if state not in {"success", "failed"}]

    def task_hosts(self) -> set[str]:
        """Return the host names of all that has run tasks of deliveries."""
        path = "dags/~/dagRuns/~/taskInstances?limit=200&order_by=-start_date"
        return {task["hostname"] for task in self.api(path)["task_instances"] if task["hostname"]}


def wait_until(condition: Callable[[], object], seconds: float, what: Callable[[], str], *, every: float = 0.5) -> None:
    """Wait until ``condition`` holds; a web server that does not answer yet is waited for, too."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (urllib.error.URLError, ConnectionError, RuntimeError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing answers: {error}") from error
        assert time.monotonic() < deadline, what()
        time.sleep(every)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file and folder below ``folder``."""
    for parent, folders, names in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *names))
