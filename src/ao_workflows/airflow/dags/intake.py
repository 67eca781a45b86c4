"""DAG ``intake``: what has arrived goes on record, and each delivery that is due gets a run of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, task

# Airflow parses this file again and again: what a task needs is imported when the task runs.


@dag(
    dag_id="intake",
    description="Drains queues and drop folder into the catalog, claims what is due, starts a run for each delivery.",
    schedule=timedelta(minutes=1),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    tags=["ao-workflows"],
)
def intake() -> None:
    """Lay out the tasks."""

    @task
    def drain() -> dict[str, Any]:
        from ao_workflows.airflow.tasks import drain_sources

        return drain_sources()

    # Also when a queue could not be drained: what is on record already must not wait for it.
    @task(trigger_rule="all_done")
    def claim() -> list[dict[str, Any]]:
        from ao_workflows.airflow.tasks import claim_deliveries

        return claim_deliveries()

    claims = claim()
    # The last task decides what the run looks like: without this one, a queue that could not be drained would not show.
    all_sources_answered = EmptyOperator(task_id="all_sources_answered")
    drain() >> [claims, all_sources_answered]
    TriggerDagRunOperator.partial(
        task_id="start",
        trigger_dag_id="staging_glacier_process",
        skip_when_already_exists=True,
    ).expand_kwargs(claims)


intake()
