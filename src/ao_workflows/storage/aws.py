"""How to reach AWS (or a server that speaks its protocols): one value, from which clients are made."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider

from ao_workflows.storage.interface import StorageFailed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Keys that come from elsewhere than AWS's own files and variables; they are never shown."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Where and as whom to talk to AWS. Anything left out comes from the usual AWS environment.

    Unless ``keys`` are given, it holds no secret: they stay in the credentials file or the environment until a client
    asks for them.

    :param region: wins over every other place that names one.
    :param profile: the section of the credentials file. With a profile or a credentials file, keys in the environment
        are not used.
    :param credentials_file: an ini file with ``aws_access_key_id``, ``aws_secret_access_key`` and optionally
        ``region_name`` in each section; the section is ``profile``, else ``AWS_PROFILE``, else ``default``.
    :param keys: win over every other place that holds keys.
    """

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    credentials_file: Path | None = None
    keys: AwsKeys | None = None

    def s3(self) -> "S3Client":
        """Return a new S3 client. :raises StorageFailed: if the profile or region cannot be resolved."""
        with _setting_up("S3"):
            return self._session().client(
                "s3", endpoint_url=self.endpoint_url, config=_config().merge(self._addressing)
            )

    def credentials(self) -> Boto3CredentialProvider:
        """Return what hands out the same keys to another library, renewed where they expire.

        :raises StorageFailed: if there are none.
        """
        with _setting_up("S3"):
            # botocore renews what expires ten minutes before it does, at the latest, whenever it is asked.
            return Boto3CredentialProvider(self._session(), ttl=timedelta(minutes=5))

    def sqs(self) -> "SQSClient":
        """Return a new SQS client. :raises StorageFailed: if the profile or region cannot be resolved."""
        with _setting_up("SQS"):
            return self._session().client("sqs", endpoint_url=self.endpoint_url, config=_config())

    def identity(self) -> str:
        """Return as whom AWS knows us: an ARN. Needs no permission. :raises StorageFailed: if AWS does not say."""
        with _setting_up("STS"):
            client = self._session().client("sts", endpoint_url=self.endpoint_url, config=_config())
            try:
                return str(client.get_caller_identity()["Arn"])
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "unknown")
                raise StorageFailed(
                    f"AWS does not accept the credentials ({code}).",
                    action="Check profile and credentials_file with `ao config show`.",
                    code="access-denied",
                ) from error

    @property
    def _addressing(self) -> Config:
        # AWS has a host name for each bucket; a server of one's own has one name, and its buckets are paths.
        named = self.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return Config(s3={"addressing_style": "path" if named else "auto"})

    def _session(self) -> boto3.session.Session:
        core = botocore.session.Session(profile=self.profile)
        if self.credentials_file is not None:
            _check_readable(self.credentials_file)
            core.set_config_variable("credentials_file", str(self.credentials_file))
            # Naming the section keeps botocore from preferring keys of the environment to the file's.
            core.set_config_variable("profile", core.get_config_variable("profile") or "default")
        if self.keys is not None:
            core.set_credentials(self.keys.access_key_id, self.keys.secret_access_key, self.keys.session_token)
        return boto3.session.Session(botocore_session=core, region_name=self.region or self._region_of(core))

    def _region_of(self, core: botocore.session.Session) -> str | None:
        """Return the region of the section in use, else that of the environment.

        Sites keep ``region_name`` beside the keys, where botocore itself does not look for it.
        """
        section = core.full_config.get("profiles", {}).get(core.get_config_variable("profile") or "default", {})
        beside_keys = section.get("region_name")
        usual = core.get_config_variable("region")
        chosen = self.profile is not None or self.credentials_file is not None
        region = (beside_keys or usual) if chosen else (usual or beside_keys)
        return region if isinstance(region, str) else None


def _config() -> Config:
    return Config(
        max_pool_connections=64,  # as many as `--jobs` allows; they are opened when they are needed
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=10,
        # Longer than the longest SQS poll (20 s); a stalled read is dropped and retried after this.
        read_timeout=60,
        # Ranges carry no checksum of their own, and what is read is checked against its bag's manifests.
        response_checksum_validation="when_required",
    )


def _check_readable(credentials_file: Path) -> None:
    # botocore goes on without a file that it cannot read, and then blames missing credentials.
    try:
        credentials_file.open("rb").close()
    except OSError as error:
        raise StorageFailed(
            f"Cannot read the credentials file {credentials_file}: {error.strerror}.",
            action="Check the path in the [aws] settings, and that this user may read the file.",
            code="aws-access",
        ) from error


@contextmanager
def _setting_up(service: str) -> Iterator[None]:
    try:
        yield
    # botocore calls an address that is no URL a ValueError.
    except (BotoCoreError, ValueError) as error:
        raise StorageFailed(
            f"Cannot set up access to AWS {service}: {error}",
            action="Check the [aws] settings with `ao config show`, and the credentials file.",
            code="aws-access",
        ) from error
