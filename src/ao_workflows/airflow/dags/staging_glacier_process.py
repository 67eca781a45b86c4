"""DAG ``staging_glacier_process``: one delivery, from its object to verified works in the archive."""

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task, task_group

# Airflow parses this file again and again: what a task needs is imported when the task runs.


def _conf() -> dict[str, Any]:
    return get_current_context()["dag_run"].conf or {}


@dag(
    dag_id="staging_glacier_process",
    description="Opens and verifies one delivery, audits its works, and puts them into the archive and onto the web.",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    # How many deliveries are worked on at once is decided where they are claimed; this only must not be the limit.
    max_active_runs=100,
    # Only failures of the system come here again; rejected content never does.
    default_args={
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
    },
    tags=["ao-workflows"],
)
def staging_glacier_process() -> None:
    """Lay out the tasks."""

    @task
    def unbag() -> list[int]:
        from ao_workflows.airflow.tasks import list_works, run_stage
        from ao_workflows.staging.stages import UNBAG

        run_stage(UNBAG, _conf())
        return list_works(_conf())

    @task_group
    def work(work_id: int) -> None:
        @task
        def audit(work_id: int) -> None:
            from ao_workflows.airflow.tasks import run_stage
            from ao_workflows.staging.stages import AUDIT

            run_stage(AUDIT, _conf(), work_id=work_id)

        @task
        def archive(work_id: int) -> None:
            from ao_workflows.airflow.tasks import run_stage
            from ao_workflows.staging.stages import ARCHIVE

            run_stage(ARCHIVE, _conf(), work_id=work_id)

        @task
        def publish(work_id: int) -> None:
            from ao_workflows.airflow.tasks import run_stage
            from ao_workflows.staging.stages import PUBLISH

            run_stage(PUBLISH, _conf(), work_id=work_id)

        audit(work_id) >> archive(work_id) >> publish(work_id)

    # It only records how the delivery ended. Whatever keeps it from that (the catalog's server is restarted, say)
    # passes; were it to give up first, the delivery would be held until its lease ends.
    @task(trigger_rule="all_done", retries=50)
    def finish() -> str:
        from ao_workflows.airflow.tasks import finish_delivery

        return finish_delivery(_conf())

    works = unbag()
    group = work.expand(work_id=works)
    [works, group] >> finish()


staging_glacier_process()
