"""Airflow for tests: a home of its own, a migrated database, and the DAGs run in a process of their own."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ao_workflows.demo.airflow_home import airflow_environment
from ao_workflows.demo.place import DemoPlace
from fixtures.house import House


@pytest.fixture(scope="session")
def migrated_airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds Airflow's metadata database as a fresh installation has it."""
    place = DemoPlace(tmp_path_factory.mktemp("airflow"))
    place.airflow.mkdir()
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=airflow_environment(place, {}),
        check=True,
        capture_output=True,
    )
    return place.airflow


@dataclass(frozen=True, slots=True)
class AirflowOf:
    """Airflow on a house."""

    house: House
    place: DemoPlace

    def drive(self, module: str = "ao_workflows.demo.drive_dags") -> subprocess.CompletedProcess[str]:
        """Run the DAGs; by default until nothing is left to do."""
        environment = {**airflow_environment(self.place, {}), "AO_CONFIG": str(self.house.config)}
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        return subprocess.run(
            [sys.executable, "-m", module], env=environment, check=False, capture_output=True, text=True, timeout=200
        )

    def query(self, statement: str) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.place.airflow / "airflow.db")) as database:
            return database.execute(statement).fetchall()

    def run_states(self) -> dict[str, str]:
        """Return the state of the run of each delivery, by the RID in its configuration."""
        conf_states = self.query(
            "SELECT json_extract(conf, '$.rid'), state FROM dag_run"
            " WHERE dag_id = 'staging_glacier_process' AND run_id LIKE 'manual%'"
        )
        return dict(conf_states)

    def task_states(self, rid: str) -> list[tuple[str, ...]]:
        """Return (task, map index, state, tries) of each task of the delivery's run, in order."""
        return self.query(
            "SELECT task_id, map_index, ti.state, try_number FROM task_instance ti JOIN dag_run USING (dag_id, run_id)"  # noqa: S608  # a test's own name
            f" WHERE run_id LIKE 'manual%' AND json_extract(conf, '$.rid') = '{rid}' ORDER BY task_id, map_index"
        )


@pytest.fixture
def airflow_of(migrated_airflow: Path, tmp_path: Path) -> Callable[[House], AirflowOf]:
    """Return what gives a house an Airflow of its own."""

    def make(house: House) -> AirflowOf:
        place = DemoPlace(tmp_path / "airflow-of-house")
        place.airflow.mkdir(parents=True)
        shutil.copyfile(migrated_airflow / "airflow.db", place.airflow / "airflow.db")
        return AirflowOf(house, place)

    return make


@pytest.fixture(scope="session", autouse=True)
def airflow_home_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what importing Airflow writes out of the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
            patch.delenv(name)
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow-home")))
        yield
