"""How the settings say to reach AWS: for each queue, and for everything that no queue stands for."""

from collections.abc import Callable

from ao_workflows.errors import UsageError
from ao_workflows.settings import AwsSettings, Settings
from ao_workflows.storage import AwsAccess, AwsKeys, S3Store

Connections = Callable[[str], AwsKeys]
"""Returns the keys that an Airflow connection holds, by its id."""


def bucket_store(settings: Settings, bucket: str) -> S3Store:
    """Return ``bucket``, reached as ``[aws]`` says."""
    return S3Store(aws_access(settings, settings.aws).s3(), bucket)


def aws_access(settings: Settings, own: AwsSettings, connections: Connections | None = None) -> AwsAccess:
    """Return how to reach AWS by ``own`` settings, what they leave out taken from ``[aws]``.

    :raises UsageError: if they name an Airflow connection and there is no Airflow.
    """
    general = settings.aws
    has_own_keys = own.profile is not None or own.credentials_file is not None
    connection = own.airflow_connection or (None if has_own_keys else general.airflow_connection)
    if connection is not None and connections is None:
        raise UsageError(
            f"The keys are in the Airflow connection {connection}, which only Airflow's tasks can ask for.",
            action="Outside of Airflow, set credentials_file and profile in place of airflow_connection.",
            code="config-invalid",
        )
    return AwsAccess(
        endpoint_url=own.endpoint_url or general.endpoint_url,
        region=own.region or general.region,
        profile=None if connection else own.profile or general.profile,
        credentials_file=None if connection else own.credentials_file or general.credentials_file,
        keys=connections(connection) if connections is not None and connection is not None else None,
    )
