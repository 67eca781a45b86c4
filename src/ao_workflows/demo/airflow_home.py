"""Airflow for the demo: its environment, and a migrated metadata database to start from."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import ao_workflows
from ao_workflows.demo.place import DemoPlace
from ao_workflows.errors import SystemFailed

DAGS = Path(ao_workflows.__file__).parent / "airflow" / "dags"
"""The folder of the DAG files in this package."""


def airflow_environment(place: DemoPlace, aws: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of an Airflow process of the demo; this process's own AO_ and AIRFLOW_ are left out.

    :param aws: the variables that make AWS clients use the stand-in.
    """
    bundle = {
        "name": "ao-workflows",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(DAGS)},
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AO_", "AIRFLOW_"))}
    return {
        **own,
        **aws,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own.get('PATH', os.defpath)}",
        "AO_CONFIG": str(place.config),
        "AIRFLOW_HOME": str(place.airflow),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{place.airflow / 'airflow.db'}",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        # Nothing of the demo may call out.
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def start_migration(place: DemoPlace, environment: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
    """Begin to make Airflow's metadata database, unless one of this version is kept from before."""
    if _kept(place).is_file():
        return None
    with (place.root / "migration.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "airflow", "db", "migrate"], env=dict(environment), stdout=log, stderr=log
        )


def finish_migration(place: DemoPlace, migration: "subprocess.Popen[bytes] | None") -> None:
    """Wait for the migration, keep its result for the next time, and put the database in place.

    :raises SystemFailed: if the migration failed.
    """
    database = place.airflow / "airflow.db"
    if migration is not None:
        if migration.wait() != 0:
            raise SystemFailed(
                "Airflow could not make its metadata database.",
                action=f"Read {place.root / 'migration.log'}.",
                code="airflow-migration",
            )
        kept = _kept(place)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, kept.with_suffix(".part"))
        kept.with_suffix(".part").replace(kept)
    else:
        shutil.copyfile(_kept(place), database)


def _kept(place: DemoPlace) -> Path:
    return place.root / "cache" / f"airflow-{version('apache-airflow')}.db"
