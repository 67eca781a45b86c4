"""What the DAGs' tasks do: call a stage, and say its outcome in Airflow's words.

A system failure fails the task, and Airflow tries it again. Rejected content fails it for good. Waiting skips it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from ao_workflows.catalog import Claim, ClaimLost, DeliveryState, Outcome, unstarted_claims
from ao_workflows.errors import AoError, SystemFailed
from ao_workflows.settings import load_settings
from ao_workflows.staging.intake import drain
from ao_workflows.staging.process import Process
from ao_workflows.staging.runner import claim_for, finish, free_closed, works_to_do
from ao_workflows.staging.stage import Stage, perform
from ao_workflows.storage import AwsKeys

HOLDER = "airflow"
"""Who holds a claim of Airflow's: the run that works on it is named for the claim."""


def drain_sources() -> dict[str, Any]:
    """Put on record what queues and drop folder hold. Fails, after all were looked at, if one could not be."""
    with _process() as process:
        free_closed(process)
        report = drain(process)
    if report.failures:
        raise AirflowException(" ".join(str(error) for error in report.failures))
    return report.as_dict()


def claim_deliveries() -> list[dict[str, Any]]:
    """Claim what is due, and return one set of arguments for a DAG run for each claim.

    Claims that were made before and never started are returned again: whoever had to start their runs may have died.
    A run's id follows from its claim, so that a second trigger of it starts nothing.
    """
    with _process() as process:
        claim_for(process, HOLDER)
        with process.catalog.reading() as session:
            claims = unstarted_claims(session, holder=HOLDER)
    return [{"trigger_run_id": claim.run_id, "conf": conf_of(claim)} for claim in claims]


def run_stage(stage: Stage, conf: Mapping[str, Any], *, work_id: int | None = None) -> None:
    """Run a stage of the claim that the DAG run's ``conf`` names."""
    with _process() as process:
        _raise_for(perform(process, claim_of(conf), stage, work_id=work_id))


def list_works(conf: Mapping[str, Any]) -> list[int]:
    """Return the ids of the works that the claim's delivery holds."""
    with _process() as process:
        return works_to_do(process, claim_of(conf))


def finish_delivery(conf: Mapping[str, Any]) -> str:
    """Conclude the delivery; the run ends as the delivery did: success, failed, or skipped while it waits."""
    with _process() as process:
        claim = claim_of(conf)
        delivery = finish(process, claim)
    if delivery.attempt != claim.attempt or delivery.claimed_by is not None:
        raise AirflowFailException(
            f"This run lost {delivery.source} to attempt {delivery.attempt}, which has a run of its own. "
            f"To have it tried once more, run `ao works retry {delivery.id}`."
        )
    if delivery.state in {DeliveryState.REJECTED, DeliveryState.ERROR}:
        raise AirflowFailException(f"{delivery.source} is {delivery.state}: {delivery.reason} {delivery.action}")
    if delivery.state == DeliveryState.WAITING:
        raise AirflowSkipException(f"{delivery.source}: {delivery.reason} {delivery.action}")
    return str(delivery.state)


def conf_of(claim: Claim) -> dict[str, Any]:
    """Return the configuration of the DAG run that works on ``claim``."""
    return {"delivery": claim.delivery_id, "attempt": claim.attempt, "rid": claim.rid}


def claim_of(conf: Mapping[str, Any]) -> Claim:
    """Return the claim that a DAG run was started for.

    :raises AirflowFailException: if the run was started by hand without one.
    """
    try:
        return Claim(int(conf["delivery"]), int(conf["attempt"]), str(conf.get("rid", "")))
    except (KeyError, TypeError, ValueError) as error:
        raise AirflowFailException(
            "This run names no claimed delivery. Runs of this DAG are started by the intake DAG; to try a delivery "
            "again, run `ao works retry`."
        ) from error


def keys_of_connection(connection_id: str) -> AwsKeys:
    """Return the keys that an Airflow connection of the type ``aws`` holds.

    :raises SystemFailed: (``aws-access``) if there is none, or it holds no keys.
    """
    try:
        connection = Connection.get(connection_id)
    except AirflowException as error:
        raise SystemFailed(
            f"There is no Airflow connection {connection_id}.",
            action="Make it in Airflow's pages (Admin, Connections), of the type Amazon Web Services.",
            code="aws-access",
        ) from error
    if not connection.login or not connection.password:
        raise SystemFailed(
            f"The Airflow connection {connection_id} holds no keys.",
            action="Set its AWS Access Key ID and AWS Secret Access Key.",
            code="aws-access",
        )
    token = connection.extra_dejson.get("aws_session_token")
    return AwsKeys(connection.login, connection.password, token if isinstance(token, str) else None)


def _raise_for(outcome: Outcome) -> None:
    text = f"{outcome.message} {outcome.action}".strip()
    if outcome.kind == "rejected":
        raise AirflowFailException(text)
    if outcome.kind == "waiting":
        raise AirflowSkipException(text)
    if outcome.kind == "error":
        raise AirflowException(text)


@contextmanager
def _process() -> Iterator[Process]:
    """Open this task's view of the catalog; what it raises is told in one line, without a traceback of ours."""
    try:
        process = Process.open(load_settings(), connections=keys_of_connection)
        try:
            yield process
        finally:
            process.catalog.close()
    except ClaimLost as error:
        raise AirflowFailException(str(error)) from error
    except AoError as error:
        raise AirflowException(str(error)) from error
