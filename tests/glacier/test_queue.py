"""An SQS queue, on the stand-in and on servers that are none."""

from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from ao_workflows.glacier import Queue, QueueFailed
from fixtures.aws import IDENTITY, REGION
from fixtures.aws import Queue as QueueOfStandIn
from fixtures.faults import Fault, FaultyProxy

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from fixtures.aws import MakeQueue


@pytest.fixture
def client() -> Callable[..., "SQSClient"]:
    """Return a maker of clients that give up at once."""

    def make(url: str, **identity: Any) -> "SQSClient":
        impatient = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
        return boto3.client("sqs", endpoint_url=url, config=impatient, **(identity or IDENTITY))

    return make


@pytest.fixture
def standing(make_queue: "MakeQueue") -> QueueOfStandIn:
    return make_queue()


@pytest.fixture
def queue(sqs: "SQSClient", standing: QueueOfStandIn) -> Queue:
    return Queue(sqs, standing.name)


def test_an_empty_queue_has_no_messages(queue):
    assert queue.receive() == []


def test_a_message_comes_with_its_body_as_it_was_sent(queue, sqs, standing):
    body = '{"text": "བོད་ <&> \\" "}'
    sent = sqs.send_message(QueueUrl=standing.url, MessageBody=body)
    (message,) = queue.receive()
    assert message.body == body
    assert message.id == sent["MessageId"]
    assert message.receipt


def test_at_most_ten_messages_come_at_once_and_the_rest_after(queue, sqs, standing):
    for number in range(12):
        sqs.send_message(QueueUrl=standing.url, MessageBody=str(number))
    first = queue.receive()
    second = queue.receive()
    assert (len(first), len(second)) == (10, 2)
    assert {message.body for message in first + second} == {str(number) for number in range(12)}


def test_a_received_message_is_hidden_and_not_gone_until_it_is_deleted(queue, sqs, standing):
    sqs.send_message(QueueUrl=standing.url, MessageBody="x")
    (message,) = queue.receive()
    assert queue.receive() == []
    attributes = queue.attributes()
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    queue.delete(message)
    attributes = queue.attributes()
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert attributes["ApproximateNumberOfMessages"] == "0"


def test_a_message_that_was_received_and_not_deleted_comes_again(make_queue, sqs):
    standing = make_queue(visibility=0)
    queue = Queue(sqs, standing.name)
    sqs.send_message(QueueUrl=standing.url, MessageBody="x")
    (first,) = queue.receive()
    (second,) = queue.receive()
    assert first.id == second.id


def test_attributes_name_the_dead_letter_queue_and_the_clock_of_the_service_is_kept(queue, standing):
    assert queue.last_date is None
    assert standing.dead_letter_arn in queue.attributes()["RedrivePolicy"]
    assert parsedate_to_datetime(queue.last_date).tzinfo


def test_a_missing_queue_is_told_by_name_with_what_to_check(sqs):
    with pytest.raises(QueueFailed, match="There is no queue NlmReadyToIntake in this region") as caught:
        Queue(sqs, "NlmReadyToIntake")
    assert caught.value.code == "queue-missing"
    assert caught.value.retryable
    assert "[[intake.queues]]" in caught.value.action


def test_a_queue_that_is_deleted_under_us_is_told_by_whatever_is_asked_of_it(sqs):
    url = sqs.create_queue(QueueName="short-lived")["QueueUrl"]
    queue = Queue(sqs, "short-lived")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = queue.receive()
    sqs.delete_queue(QueueUrl=url)
    for ask in (queue.receive, queue.attributes, lambda: queue.delete(message)):
        with pytest.raises(QueueFailed) as caught:
            ask()
        assert caught.value.code == "queue-missing"


def test_an_endpoint_that_nobody_listens_at_is_told(client, unused_port):
    with pytest.raises(QueueFailed, match=rf"Queue q does not answer: .*127\.0\.0\.1:{unused_port}") as caught:
        Queue(client(f"http://127.0.0.1:{unused_port}"), "q")
    assert caught.value.code == "queue-failed"
    assert "endpoint_url" in caught.value.action
    assert caught.value.retryable


def test_missing_credentials_are_told_as_what_they_are(client, aws_server):
    with pytest.raises(QueueFailed, match="Unable to locate credentials") as caught:
        Queue(client(aws_server, region_name=REGION), "q")
    assert caught.value.code == "aws-access"
    assert "credentials_file" in caught.value.action


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"[]", b"null", b"{}", b""])
def test_a_server_that_is_not_sqs_is_told(client, faulty_s3: FaultyProxy, body):
    faulty_s3.fail("POST", Fault(body=body))
    with pytest.raises(QueueFailed) as caught:
        Queue(client(faulty_s3.url), "no-such-queue-either")
    assert caught.value.code in {"queue-failed", "queue-missing"}


def test_a_web_page_instead_of_the_queue_points_at_the_endpoint(client, faulty_s3: FaultyProxy, standing):
    faulty_s3.fail("POST", Fault(body=b"<html>welcome</html>"))
    with pytest.raises(QueueFailed, match="what answers is not SQS") as caught:
        Queue(client(faulty_s3.url), standing.name)
    assert "endpoint_url" in caught.value.action


def test_a_service_that_fails_is_told_to_be_tried_again(client, faulty_s3: FaultyProxy, standing):
    queue = Queue(client(faulty_s3.url), standing.name)
    faulty_s3.fail("POST", Fault(status=503))
    with pytest.raises(QueueFailed) as caught:
        queue.receive()
    assert caught.value.action.startswith("It is tried again")


@pytest.mark.parametrize("sent", [0, 10])
def test_an_answer_that_is_cut_off_is_not_taken_for_a_queue_without_attributes(client, faulty_s3, standing, sent):
    queue = Queue(client(faulty_s3.url), standing.name)
    faulty_s3.fail("POST", Fault(cut_after=sent))
    with pytest.raises(QueueFailed):
        queue.attributes()


def test_a_connection_that_breaks_while_messages_come_loses_none(client, faulty_s3, sqs, make_queue):
    standing = make_queue(visibility=0)
    sqs.send_message(QueueUrl=standing.url, MessageBody="x")
    queue = Queue(client(faulty_s3.url), standing.name)
    faulty_s3.fail("POST", Fault(cut_after=40))
    with suppress(QueueFailed):
        assert queue.receive() == []
    (message,) = queue.receive()
    assert message.body == "x"
