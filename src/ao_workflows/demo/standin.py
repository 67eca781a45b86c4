"""A stand-in for AWS on this machine: S3 with Glacier, and SQS, for the demo and the tests.

Its keys are made up and open nothing but itself. An object in a Glacier class cannot be read until its restore was
requested *and* :meth:`AwsStandIn.complete_restores` lets it complete, which sends the event that S3 sends hours later.
"""

import fcntl
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from ao_workflows.demo.samples import SampleDelivery
from ao_workflows.demo.standin_access import access_by, environment_by, write_credentials
from ao_workflows.demo.standin_process import StandInProcess
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.storage import AwsAccess, ObjectInfo, S3Store

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.literals import QueueAttributeNameType

LOOPBACK = "127.0.0.1"
GLACIER_CLASS: Literal["DEEP_ARCHIVE"] = "DEEP_ARCHIVE"
MAX_RECEIVE_COUNT = 5
"""How often a message may be received before it moves to the dead-letter queue."""

RETENTION = 14 * 24 * 3600
"""Seconds that a message stays in a queue: the longest that SQS allows."""

_COUNTS: "tuple[QueueAttributeNameType, ...]" = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)

# The server moves a restore on when its state is looked at often enough: never, at the next look one
# step (requested → in progress → restored), or at the next look to the end.
_HOLD = {"progression": "manual", "times": 1_000_000_000}
_STEP = {"progression": "manual", "times": 0}
_FINISH = {"progression": "immediate"}


class AwsStandIn:
    """The stand-in's server and one prepared bucket with its queues.

    As a context manager it starts a server and ends it; :meth:`attach` uses one that another process started.
    """

    def __init__(self, folder: Path, *, address: str = LOOPBACK, port: int = 0) -> None:
        """Set up, start nothing yet. ``folder`` gets the made-up credentials, the server's log and its address.

        :param address: where it shall listen; other machines reach it only by another address than loopback.
        :param port: where it shall listen; 0 for any free one.
        """
        self._folder = folder.absolute()
        self._address, self._port = address, port
        self._process: StandInProcess | None = None
        self._endpoint_url = ""
        self._bucket = ""
        self._queues: tuple[str, ...] = ()

    @classmethod
    def attach(cls, folder: Path) -> Self:
        """Return the stand-in that runs with this ``folder``, started and prepared by another process.

        :raises UsageError: if none runs.
        """
        standin = cls(folder)
        try:
            state = json.loads(standin._state_file.read_text())
            standin._endpoint_url, standin._bucket = state["endpoint_url"], state["bucket"]
            standin._queues = tuple(state["queues"])
            standin._moto_api("GET", "/moto-api/data.json")
        except (OSError, ValueError, KeyError, http.client.HTTPException, SystemFailed) as error:
            raise UsageError(
                f"No AWS stand-in runs with the folder {folder}.",
                action="Start one with `make airflow` and keep it running.",
                code="standin-not-running",
            ) from error
        return standin

    def __enter__(self) -> Self:
        """Start the server.

        :raises UsageError: if moto is not installed. :raises SystemFailed: if the server does not start.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_credentials(self._credentials_file)
        except OSError as error:
            raise SystemFailed(
                f"{error.filename}: {error.strerror}.",
                action="Check the folder and its permissions.",
                code="disk-failed",
            ) from error
        self._process = StandInProcess(self._folder / "server.log", address=self._address, port=self._port)
        self._endpoint_url = f"http://{LOOPBACK}:{self._process.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server; all that it held is gone."""
        self._state_file.unlink(missing_ok=True)
        if self._process is not None:
            self._process.stop()

    @property
    def endpoint_url(self) -> str:
        """Where this machine reaches it: loopback, and its port."""
        return self._endpoint_url

    @property
    def access(self) -> AwsAccess:
        """How this program reaches it; whatever AWS keys and profiles the environment has are not used."""
        return access_by(self._credentials_file, self._endpoint_url)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make another process use it, and only it, whatever its environment said before."""
        return environment_by(self._credentials_file, self._endpoint_url)

    def prepare(self, bucket: str, queue_name: str) -> str:
        """Create the bucket, the queue, its dead-letter queue ``{queue_name}-dlq`` and the notification between them.

        What is there already stays as it is. :return: the queue's URL.
        """
        with self._errors(), self._exclusive():
            self._set_restores(_HOLD)
            dead_letters = self._create_queue(f"{queue_name}-dlq", {})
            redrive = {"deadLetterTargetArn": self._queue_arn(dead_letters), "maxReceiveCount": str(MAX_RECEIVE_COUNT)}
            queue = self._create_queue(queue_name, {"RedrivePolicy": json.dumps(redrive)})
            # A bucket of one's own can be created again in this region, and keeps what it holds.
            self._s3.create_bucket(Bucket=bucket)
            self._notify(bucket, self._queue_arn(queue))
            self._bucket, self._queues = bucket, (queue_name, f"{queue_name}-dlq")
            state = {"endpoint_url": self._endpoint_url, "bucket": bucket, "queues": self._queues}
            self._state_file.write_text(json.dumps(state))
        return queue

    def put(self, delivery: SampleDelivery) -> ObjectInfo:
        """Upload a delivery into the prepared bucket, in the storage class DEEP_ARCHIVE."""
        if delivery.kind != "s3":
            raise ValueError(f"{delivery.zip_path.name} is a delivery for the drop folder, not for a bucket")
        return S3Store(self._s3, self._bucket).put(delivery.key, delivery.zip_path, storage_class=GLACIER_CLASS)

    def request_restore(self, key: str, *, days: int = 7, tier: Literal["Standard", "Bulk"] = "Standard") -> None:
        """Ask for the restore of an object; it stays in progress until :meth:`complete_restores`."""
        with self._errors(), self._exclusive():
            self._set_restores(_STEP)
            try:
                self._s3.restore_object(
                    Bucket=self._bucket,
                    Key=key,
                    RestoreRequest={"Days": days, "GlacierJobParameters": {"Tier": tier}},
                )
                self._restore_header(key)
            finally:
                self._set_restores(_HOLD)

    def complete_restores(self) -> list[str]:
        """Let all restores that are in progress complete, and their events be sent; return the keys restored."""
        with self._errors(), self._exclusive():
            objects = S3Store(self._s3, self._bucket).list()
            archived = [info.key for info in objects if info.storage_class == GLACIER_CLASS]
            pending = [key for key in archived if 'ongoing-request="true"' in self._restore_header(key)]
            self._set_restores(_FINISH)
            try:
                for key in pending:
                    self._restore_header(key)
            finally:
                self._set_restores(_HOLD)
        return pending

    def queue_depths(self) -> dict[str, int]:
        """Return how many messages the queue and its dead-letter queue hold, by their names; those in flight count."""
        depths = {}
        with self._errors():
            for name in self._queues:
                url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
                counts = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
                depths[name] = sum(int(count) for count in counts.values())
        return depths

    @property
    def _credentials_file(self) -> Path:
        return self._folder / "credentials"

    @property
    def _state_file(self) -> Path:
        return self._folder / "standin.json"

    @cached_property
    def _s3(self) -> "S3Client":
        return self.access.s3()

    @cached_property
    def _sqs(self) -> "SQSClient":
        return self.access.sqs()

    def _create_queue(self, name: str, attributes: dict[str, str]) -> str:
        """Create a queue, or find the one that is there; return its URL."""
        attributes = {"MessageRetentionPeriod": str(RETENTION), **attributes}
        return self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]  # names of attributes

    def _queue_arn(self, url: str) -> str:
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        return attributes["QueueArn"]

    def _notify(self, bucket: str, queue_arn: str) -> None:
        """Send the bucket's events to the queue, unless it does: setting it again would send another test event."""
        present = self._s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations", [])
        if [configuration["QueueArn"] for configuration in present] == [queue_arn]:
            return
        self._s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {
                        "Id": "intake",
                        "QueueArn": queue_arn,
                        "Events": ["s3:ObjectRestore:Completed", "s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": "bag.zip"}]}},
                    }
                ]
            },
        )

    def _restore_header(self, key: str) -> str:
        """Look at an object, which may move its restore on; return what S3 says of the restore, "" for none."""
        return self._s3.head_object(Bucket=self._bucket, Key=key).get("Restore", "")

    def _set_restores(self, transition: dict[str, Any]) -> None:
        body = json.dumps({"model_name": "s3::keyrestore", "transition": transition})
        self._moto_api("POST", "/moto-api/state-manager/set-transition", body)

    def _moto_api(self, method: str, path: str, body: str | None = None) -> None:
        """Call moto's own interface, directly: a proxy of the environment has no business on loopback."""
        address = urlsplit(self._endpoint_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        finally:
            connection.close()
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise SystemFailed(f"The AWS stand-in answered {method} {path} with {status}.", code="standin-failed")

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Keep other processes from changing how restores move on while this one relies on it."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what goes wrong between us and the server into one error for the operator."""
        try:
            yield
        except (ClientError, BotoCoreError, http.client.HTTPException, OSError) as error:
            reason = str(error).rstrip(".")
            raise SystemFailed(
                f"The AWS stand-in at {self._endpoint_url or '(not started)'} failed: {reason}.",
                action=f"Look into {self._folder / 'server.log'}, then start it again.",
                code="standin-failed",
            ) from error
