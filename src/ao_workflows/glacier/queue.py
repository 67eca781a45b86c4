"""An SQS queue: receive, and delete what is on record."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from ao_workflows.errors import SystemFailed

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

MAX_MESSAGES = 10
"""The most messages that SQS hands out at once."""

_SERVER_ERROR = 500
_MISSING = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})


class QueueFailed(SystemFailed):
    """The queue cannot be reached, does not exist, or denies access. Messages stay in it."""

    code = "queue-failed"


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A received message. ``receipt`` is what deletes it, for as long as SQS hides it from others."""

    id: str
    body: str
    receipt: str


class Queue:
    """One queue by its name.

    :raises QueueFailed: if there is no such queue, or it cannot be reached.
    """

    def __init__(self, client: "SQSClient", name: str) -> None:
        self.client = client
        self.name = name
        self.last_date: str | None = None
        """The ``Date`` header of the last answer about attributes: the service's clock."""
        with self._errors():
            self.url = client.get_queue_url(QueueName=name)["QueueUrl"]

    def receive(self, *, wait_seconds: int = 0) -> list[QueueMessage]:
        """Return up to ten messages, none if the queue stays empty for ``wait_seconds`` (0 to 20).

        :raises QueueFailed: if the queue does not answer.
        """
        with self._errors():
            answer = self.client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=MAX_MESSAGES, WaitTimeSeconds=wait_seconds
            )
        return [
            QueueMessage(message["MessageId"], message["Body"], message["ReceiptHandle"])
            for message in answer.get("Messages", ())
        ]

    def delete(self, message: QueueMessage) -> None:
        """Take a message that is on record out of the queue. :raises QueueFailed: if the queue does not answer."""
        with self._errors():
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt)

    def attributes(self) -> dict[str, str]:
        """Return all attributes of the queue by name, as SQS calls them. :raises QueueFailed: if it does not answer."""
        with self._errors():
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
            # An answer that was cut off may look like an empty one; no queue is without attributes.
            attributes = {str(name): value for name, value in answer["Attributes"].items()}
        self.last_date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return attributes

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._refused(error) from error
        except (NoCredentialsError, CredentialRetrievalError) as error:
            raise QueueFailed(
                f"Queue {self.name}: {_sentence(error)}",
                action="Set profile or credentials_file in [aws], or the usual AWS variables.",
                code="aws-access",
            ) from error
        except (AttributeError, KeyError, TypeError) as error:
            # What botocore and we stumble over when the answer is not one of SQS: a web page, for example.
            raise QueueFailed(
                f"Queue {self.name}: what answers is not SQS.",
                action="Check endpoint_url in [aws] or [[intake.queues]].",
            ) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise QueueFailed(
                f"Queue {self.name} does not answer: {_sentence(error)}",
                action="Check the network, and endpoint_url and region in [aws] or [[intake.queues]].",
            ) from error

    def _refused(self, error: ClientError) -> QueueFailed:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _MISSING:
            return QueueFailed(
                f"There is no queue {self.name} in this region and account.",
                action="Check the name and region in [[intake.queues]].",
                code="queue-missing",
            )
        has_failed = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR
        return QueueFailed(
            f"Queue {self.name}: {_sentence(error)}",
            action="It is tried again; if it stays, see whether the service is up."
            if has_failed
            else "Check endpoint_url, the credentials, and that their policy allows to receive and delete messages.",
        )


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."
