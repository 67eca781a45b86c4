import json
import os
import select
import signal
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from ao_workflows.demo.samples import SampleDelivery, Samples, make_delivery
from ao_workflows.demo.standin import AwsStandIn
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.storage import ObjectNotRestored, S3Store
from ao_workflows.works import parse_rid

KEY = "Archive0/00/W1AC6/W1AC6.bag.zip"
_numbers = count(1)


@pytest.fixture(scope="session")
def delivery(tmp_path_factory: pytest.TempPathFactory):
    return make_delivery(tmp_path_factory.mktemp("delivery"), parse_rid("W1AC6"), pages=2)


@pytest.fixture
def names():
    """Name a bucket and a queue that no other test of this module uses."""
    number = next(_numbers)
    return f"staging-{number}", f"ReadyToIntake{number}"


def received(standin: AwsStandIn, url: str):
    """Return the bodies of all messages that the queue holds, in their order, and delete them."""
    sqs = standin.access.sqs()
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def test_the_bucket_sends_its_events_to_a_queue_with_a_dead_letter_queue(standin: AwsStandIn, names: tuple[str, str]):
    bucket, queue = names
    url = standin.prepare(bucket, queue)
    sqs = standin.access.sqs()
    main = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    dead_url = sqs.get_queue_url(QueueName=f"{queue}-dlq")["QueueUrl"]
    dead = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(main["RedrivePolicy"])
    assert (redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"])) == (dead["QueueArn"], 5)
    assert main["MessageRetentionPeriod"] == dead["MessageRetentionPeriod"] == "1209600"
    configuration = standin.access.s3().get_bucket_notification_configuration(Bucket=bucket)
    (notification,) = configuration["QueueConfigurations"]
    assert notification["QueueArn"] == main["QueueArn"]
    assert set(notification["Events"]) == {"s3:ObjectRestore:Completed", "s3:ObjectCreated:*"}
    ((rule),) = notification["Filter"]["Key"]["FilterRules"]
    assert (rule["Name"].lower(), rule["Value"]) == ("suffix", "bag.zip")


def test_preparing_again_changes_nothing_and_sends_nothing(
    standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery
):
    url = standin.prepare(*names)
    standin.put(delivery)
    received(standin, url)
    assert standin.prepare(*names) == url
    assert received(standin, url) == []
    assert S3Store(standin.access.s3(), names[0]).stat(KEY).size == delivery.zip_path.stat().st_size


def test_an_archived_object_can_be_read_only_after_its_restore_has_completed(
    standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery
):
    standin.prepare(*names)
    store = S3Store(standin.access.s3(), names[0])
    info = standin.put(delivery)
    assert info.storage_class == "DEEP_ARCHIVE"

    def content():
        return b"".join(store.stream(info, 0, info.size))

    with pytest.raises(ObjectNotRestored):
        content()
    standin.request_restore(KEY)
    for _ in range(5):  # looking at it, however often, does not restore it
        assert not store.is_readable(KEY)
        with pytest.raises(ObjectNotRestored):
            content()
    assert standin.complete_restores() == [KEY]
    assert store.is_readable(KEY)
    assert content() == delivery.zip_path.read_bytes()


def test_a_restore_that_nobody_requested_does_not_complete(
    standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery
):
    url = standin.prepare(*names)
    standin.put(delivery)
    assert standin.complete_restores() == []
    assert not S3Store(standin.access.s3(), names[0]).is_readable(KEY)
    assert "ObjectRestore:Completed" not in str(received(standin, url))


def test_a_restore_completes_once(standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery):
    url = standin.prepare(*names)
    standin.put(delivery)
    standin.request_restore(KEY)
    standin.complete_restores()
    received(standin, url)
    assert standin.complete_restores() == []
    assert received(standin, url) == []


def test_the_restore_of_an_unknown_object_fails_with_its_reason_and_holds_up_no_other(
    standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery
):
    standin.prepare(*names)
    standin.put(delivery)
    with pytest.raises(SystemFailed, match="NoSuchKey"):
        standin.request_restore("Archive0/00/W1AC7/W1AC7.bag.zip")
    standin.request_restore(KEY)
    assert not S3Store(standin.access.s3(), names[0]).is_readable(KEY)
    assert standin.complete_restores() == [KEY]


def test_the_queue_gets_a_test_event_then_created_then_restored(
    standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery
):
    bucket, _ = names
    url = standin.prepare(*names)
    info = standin.put(delivery)
    standin.request_restore(KEY)
    standin.complete_restores()
    test, created, restored = received(standin, url)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", bucket)
    for message, name in ((created, "ObjectCreated:Put"), (restored, "ObjectRestore:Completed")):
        (record,) = message["Records"]
        assert (record["eventVersion"], record["eventSource"], record["eventName"]) == ("2.1", "aws:s3", name)
        assert record["s3"]["bucket"]["name"] == bucket
        assert record["s3"]["object"] == {
            "key": "Archive0%2F00%2FW1AC6%2FW1AC6.bag.zip",
            "size": info.size,
            "eTag": info.etag,
        }


def test_other_objects_send_nothing(standin: AwsStandIn, names: tuple[str, str], tmp_path: Path):
    url = standin.prepare(*names)
    received(standin, url)
    note = tmp_path / "note.txt"
    note.write_text("not a bag")
    S3Store(standin.access.s3(), names[0]).put("note.txt", note)
    assert received(standin, url) == []


def test_depths_count_messages_that_somebody_is_working_on(
    standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery
):
    bucket, queue = names
    url = standin.prepare(bucket, queue)
    standin.put(delivery)
    assert standin.queue_depths() == {queue: 2, f"{queue}-dlq": 0}
    standin.access.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    assert standin.queue_depths() == {queue: 2, f"{queue}-dlq": 0}
    received(standin, url)
    assert standin.queue_depths()[queue] == 1


def test_a_delivery_for_the_drop_folder_is_not_put_into_the_bucket(
    standin: AwsStandIn, names: tuple[str, str], samples: Samples
):
    standin.prepare(*names)
    with pytest.raises(ValueError, match="drop folder"):
        standin.put(samples.dropped)


def test_another_process_finds_it_and_uses_it(standin: AwsStandIn, names: tuple[str, str], delivery: SampleDelivery):
    standin.prepare(*names)
    other = AwsStandIn.attach(standin.access.credentials_file.parent)
    assert other.endpoint_url == standin.endpoint_url
    other.put(delivery)
    other.request_restore(KEY)
    assert standin.complete_restores() == [KEY]
    assert other.queue_depths() == standin.queue_depths()


def test_attaching_where_none_was_started_says_how_to_start_one(tmp_path: Path):
    with pytest.raises(UsageError, match="make airflow"):
        AwsStandIn.attach(tmp_path)


def test_attaching_to_one_that_was_killed_says_how_to_start_one(tmp_path: Path):
    with AwsStandIn(tmp_path) as standin:
        standin.prepare("staging", "queue")
        standin._process._process.kill()
        standin._process._process.wait()
        with pytest.raises(UsageError, match="make airflow"):
            AwsStandIn.attach(tmp_path)


def test_a_server_that_has_died_is_reported_with_its_log(tmp_path: Path):
    with AwsStandIn(tmp_path) as standin:
        standin._process._process.kill()
        with pytest.raises(SystemFailed, match=r"server\.log"):
            standin.prepare("staging", "queue")


def test_its_environment_leads_a_program_to_it_whatever_was_set_before(
    standin: AwsStandIn, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "NO_PROXY": "",
        "no_proxy": "",
    }.items():
        monkeypatch.setenv(name, value)
    for name, value in standin.environment.items():
        monkeypatch.setenv(name, value)
    # Programs in other languages read this one; botocore prefers the older AWS_DEFAULT_PROFILE.
    assert os.environ["AWS_PROFILE"] == "stand-in"
    program = """
from ao_workflows.storage import AwsAccess
for client in (AwsAccess().s3(), AwsAccess().sqs()):
    keys = client._request_signer._credentials
    print(client.meta.endpoint_url, client.meta.region_name, keys.access_key, keys.secret_key, keys.token or "none")
AwsAccess().s3().list_buckets(), AwsAccess().sqs().list_queues()
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [f"{standin.endpoint_url} us-east-1 stand-in stand-in none"] * 2


def test_its_access_does_not_use_the_keys_of_the_environment(standin: AwsStandIn, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_PROFILE", "production")
    client = standin.access.s3()
    assert client.meta.endpoint_url == standin.endpoint_url
    assert client._request_signer._credentials.access_key == "stand-in"


def test_it_listens_on_loopback_only(standin: AwsStandIn):
    port = int(standin.endpoint_url.rpartition(":")[2])
    listening = [
        address
        for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
        for line in table.read_text().splitlines()[1:]
        for _, address, _, state, *_ in [line.split()]
        if state == "0A" and int(address.rpartition(":")[2], 16) == port
    ]
    assert [address.rpartition(":")[0] for address in listening] == ["0100007F"]


def test_it_is_gone_when_its_block_is_left(tmp_path: Path):
    with AwsStandIn(tmp_path) as standin:
        standin.prepare("staging", "queue")
        process = standin._process._process
    assert process.returncode == 0
    assert not (tmp_path / "standin.json").exists()


PARENT = """
import os, signal, sys
from pathlib import Path
from ao_workflows.demo.standin import AwsStandIn

standin = AwsStandIn(Path(sys.argv[1])).__enter__()
if sys.argv[2] == "forked" and os.fork() == 0:
    os.close(1)
    signal.pause()
print(standin._process._process.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("also", ["alone", "forked"])
def test_it_ends_with_the_process_that_started_it_even_when_that_is_killed(tmp_path: Path, also: str):
    # In a session of its own, so that a child that the killed process leaves behind can be ended, too.
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), also], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        with closing(parent.stdout) as output:
            server = os.pidfd_open(int(output.readline()))
        parent.kill()
        ended, _, _ = select.select([server], [], [], 15)
        os.close(server)
        assert ended
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()


def test_ctrl_c_at_the_terminal_leaves_it_to_the_demo_to_end_it(standin: AwsStandIn):
    assert os.getpgid(standin._process._process.pid) != os.getpgid(0)


def test_without_moto_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(UsageError, match=r"needs moto.*ao-workflows\[demo\]"):
        AwsStandIn(tmp_path).__enter__()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SystemFailed, match="file"):
        AwsStandIn(tmp_path / "file" / "aws").__enter__()


def test_importing_it_loads_none_of_the_demo_packages():
    program = "import sys, ao_workflows.demo.standin; print({'moto', 'flask', 'PIL', 'bagit'} & sys.modules.keys())"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
