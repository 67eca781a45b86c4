"""How the settings say to reach AWS: for each queue, and for everything that no queue stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.errors import UsageError
from ao_workflows.settings import AwsSettings, Settings
from ao_workflows.storage import S3_SCHEME, AwsAccess, AwsKeys, LocalWebStore, S3Store, S3WebStore, WebStore
from ao_workflows.works import WEB_WORKS, Rid, web_images_prefix

_ALLOWED = "Write it as s3://bucket/prefix, or as the path of a folder."

Connections = Callable[[str], AwsKeys]
"""Returns the keys that an Airflow connection holds, by its id."""


def bucket_store(settings: Settings, bucket: str) -> S3Store:
    """Return ``bucket``, reached as ``[aws]`` says."""
    return S3Store(aws_access(settings, settings.aws).s3(), bucket)


@dataclass(frozen=True, slots=True)
class WebTarget:
    """Where readers get images from.

    :param prefix: what all keys there begin with: empty, or with ``/`` at its end.
    :param name: the target as the settings have it.
    :param works: the address, or the whole path, below which all works are, for other programs.
    """

    store: WebStore
    prefix: str
    name: str
    works: str

    def address_of(self, rid: Rid) -> str:
        """Return the place of a work's images, for a person."""
        return web_address(self.name, rid)


def web_address(target: str, rid: Rid) -> str:
    """Return the place of a work's images at ``target``, for a person. Nothing is asked whether that is there.

    :raises UsageError: if ``target`` is none, as :func:`web_target` tells.
    """
    _place_of(target)
    return f"{target.rstrip('/')}/{web_images_prefix(rid)}"


def web_target(settings: Settings, target: str, connections: Connections | None = None) -> WebTarget:
    """Return where ``target``, ``s3://bucket/prefix`` or a folder, leads; reached as ``[web]`` says, then ``[aws]``.

    :raises UsageError: if it is empty, names no bucket, is an address of another kind, or can be no address.
    """
    place = _place_of(target)
    if isinstance(place, Path):
        return WebTarget(LocalWebStore(place), "", target, str(place / WEB_WORKS))
    bucket, prefix = place
    store = S3WebStore(aws_access(settings, settings.web, connections), bucket)
    prefix = f"{prefix}/" if prefix else ""
    return WebTarget(store, prefix, target, f"{S3_SCHEME}{bucket}/{prefix}{WEB_WORKS}")


def _place_of(target: str) -> Path | tuple[str, str]:
    """Return the folder that ``target`` is, or its bucket and its prefix."""
    if not target:
        raise UsageError("The target on the web is empty: ''.", action=_ALLOWED, code="config-invalid")
    if "://" in target and not target.startswith(S3_SCHEME):
        raise UsageError(
            f"{target!r} is neither an address that begins with {S3_SCHEME} nor a folder.",
            action=_ALLOWED,
            code="config-invalid",
        )
    if not target.startswith(S3_SCHEME):
        return _folder(target)
    bucket, _, prefix = target.removeprefix(S3_SCHEME).partition("/")
    if not bucket:
        raise UsageError(f"{target!r} names no bucket.", action="Write it as s3://bucket/prefix.")
    prefix = prefix.strip("/")
    if prefix and not {"", ".", ".."}.isdisjoint(prefix.split("/")):
        raise UsageError(
            f"{target!r} has a part that is empty, '.' or '..'; no address on the web can have it.",
            action="Write it as s3://bucket/prefix.",
            code="config-invalid",
        )
    return bucket, prefix


def _folder(target: str) -> Path:
    try:
        return Path(target).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(
            f"{target!r} is in the home of somebody who has none here.",
            action="Write the folder's whole path.",
            code="config-invalid",
        ) from error


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
