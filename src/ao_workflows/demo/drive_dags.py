"""Runs the two DAGs in this process, without a scheduler, until nothing is left to do.

Run as ``python -m ao_workflows.demo.drive_dags`` with the demo's environment. ``dag.test()`` runs every task for real,
in order; that of ``intake`` creates the runs of the deliveries, which a scheduler would start; here each has its turn.
"""

import os
import sys

from airflow.dag_processing.dagbag import DagBag

from ao_workflows.airflow.tasks import HOLDER, conf_of
from ao_workflows.catalog import unstarted_claims
from ao_workflows.settings import load_settings
from ao_workflows.staging.process import Process

MAX_ROUNDS = 20
"""Far more than the demo needs; without it, a fault that makes work for ever would never be seen."""


def main() -> int:
    """Run the DAGs; return an exit code."""
    dags = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    if dags.import_errors:
        sys.stderr.write(f"{dags.import_errors}\n")
        return 3
    intake, staging = dags.dags["intake"], dags.dags["staging_glacier_process"]
    for _ in range(MAX_ROUNDS):
        intake.test()
        started = _unstarted()
        if not started:
            return 0
        for conf in started:
            staging.test(run_conf=conf)
    return 3


def _unstarted() -> list[dict[str, object]]:
    """Return the configurations of the runs that ``intake`` has created, as it gave them to Airflow."""
    process = Process.open(load_settings())
    with process.catalog.reading() as session:
        waiting = unstarted_claims(session, holder=HOLDER)
    return [conf_of(claim) for claim in waiting]


if __name__ == "__main__":
    sys.exit(main())
