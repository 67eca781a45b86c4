"""As whom and where we talk to AWS: seen from the outside, by what a server is sent."""

import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.storage import AwsAccess, S3Store, StorageFailed
from fixtures.aws import MakeQueue
from fixtures.faults import Fault, FaultyProxy, Request

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SignedAs = Callable[[AwsAccess], tuple[str, str]]

CREDENTIALS = """\
[default]
aws_access_key_id = KEYOFDEFAULT
aws_secret_access_key = secret-of-default
region_name = us-west-2

[ap_northeast]
aws_access_key_id = KEYOFSEOUL
aws_secret_access_key = secret-of-seoul
region_name = ap-northeast-2

[plain]
aws_access_key_id = KEYOFPLAIN
aws_secret_access_key = secret-of-plain
"""


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    path = tmp_path / "aws"
    path.write_text(CREDENTIALS)
    return path


def scope(request: Request) -> tuple[str, str]:
    """Return the key that a request was signed with, and the region that it was signed for."""
    credential = re.search(r"Credential=(\w+)/\d+/([\w-]+)/s3", request.headers["authorization"])
    assert credential
    return credential[1], credential[2]


@pytest.fixture
def signed_as(faulty_s3: FaultyProxy) -> SignedAs:
    """Return a function that makes a request and tells with which key and for which region it was signed."""

    def sign(access: AwsAccess) -> tuple[str, str]:
        access.s3().list_buckets()
        return scope(faulty_s3.requests[-1])

    return sign


def test_a_section_of_the_credentials_file_gives_the_keys_and_their_region(
    signed_as: SignedAs, faulty_s3: FaultyProxy, credentials: Path
):
    access = AwsAccess(endpoint_url=faulty_s3.url, profile="ap_northeast", credentials_file=credentials)
    assert signed_as(access) == ("KEYOFSEOUL", "ap-northeast-2")


def test_several_sections_are_in_use_at_once(signed_as: SignedAs, faulty_s3: FaultyProxy, credentials: Path):
    seoul = AwsAccess(endpoint_url=faulty_s3.url, profile="ap_northeast", credentials_file=credentials)
    oregon = AwsAccess(endpoint_url=faulty_s3.url, credentials_file=credentials)
    assert signed_as(seoul) == ("KEYOFSEOUL", "ap-northeast-2")
    assert signed_as(oregon) == ("KEYOFDEFAULT", "us-west-2")
    assert signed_as(seoul) == ("KEYOFSEOUL", "ap-northeast-2")


def test_objects_in_several_regions_are_read_at_once(
    faulty_s3: FaultyProxy, credentials: Path, s3: "S3Client", bucket: str
):
    content = os.urandom(300_000)
    s3.put_object(Bucket=bucket, Key="W22084.bag.zip", Body=content)
    together = threading.Barrier(4)

    def read(profile: str | None) -> bytes:
        access = AwsAccess(endpoint_url=faulty_s3.url, profile=profile, credentials_file=credentials)
        store = S3Store(access.s3(), bucket)
        info = store.stat("W22084.bag.zip")
        together.wait(30)
        return b"".join(store.stream(info, 0, info.size))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, ["ap_northeast", None] * 2)) == [content] * 4
    scopes = sorted(scope(request) for request in faulty_s3.requests if request.method == "GET")
    assert scopes == [("KEYOFDEFAULT", "us-west-2")] * 2 + [("KEYOFSEOUL", "ap-northeast-2")] * 2


def test_a_region_that_is_set_wins_over_that_of_the_section(
    signed_as: SignedAs, faulty_s3: FaultyProxy, credentials: Path
):
    access = AwsAccess(
        endpoint_url=faulty_s3.url, region="eu-west-1", profile="ap_northeast", credentials_file=credentials
    )
    assert signed_as(access) == ("KEYOFSEOUL", "eu-west-1")


def test_a_file_that_is_set_wins_over_the_keys_and_the_region_of_the_environment(
    signed_as: SignedAs, faulty_s3: FaultyProxy, aws_environment: dict[str, str], credentials: Path
):
    assert aws_environment["AWS_DEFAULT_REGION"] == "us-east-1"
    access = AwsAccess(endpoint_url=faulty_s3.url, credentials_file=credentials)
    assert signed_as(access) == ("KEYOFDEFAULT", "us-west-2")


def test_the_section_may_be_named_by_the_environment(
    signed_as: SignedAs, faulty_s3: FaultyProxy, credentials: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_PROFILE", "ap_northeast")
    access = AwsAccess(endpoint_url=faulty_s3.url, credentials_file=credentials)
    assert signed_as(access) == ("KEYOFSEOUL", "ap-northeast-2")


def test_a_section_without_a_region_takes_that_of_the_environment(
    signed_as: SignedAs, faulty_s3: FaultyProxy, credentials: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    access = AwsAccess(endpoint_url=faulty_s3.url, profile="plain", credentials_file=credentials)
    assert signed_as(access) == ("KEYOFPLAIN", "eu-central-1")


def test_with_nothing_set_the_usual_environment_decides_also_over_a_region_name(
    signed_as: SignedAs,
    faulty_s3: FaultyProxy,
    credentials: Path,
    monkeypatch: pytest.MonkeyPatch,
    aws_environment: dict[str, str],
):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty_s3.url)
    assert signed_as(AwsAccess()) == (aws_environment["AWS_ACCESS_KEY_ID"], "us-east-1")


def test_the_usual_credentials_file_is_read_when_none_is_set(
    signed_as: SignedAs, faulty_s3: FaultyProxy, credentials: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    assert signed_as(AwsAccess(endpoint_url=faulty_s3.url, profile="ap_northeast")) == ("KEYOFSEOUL", "ap-northeast-2")


def test_queues_are_reached_as_buckets_are(aws_access: AwsAccess, make_queue: MakeQueue):
    queue = make_queue(dead_letters=False)
    found = aws_access.sqs().list_queues(QueueNamePrefix=queue.name)
    assert found["QueueUrls"] == [queue.url]


@pytest.mark.parametrize("service", ["s3", "sqs"])
@pytest.mark.parametrize(
    ("access", "cause"),
    [
        (AwsAccess(region="us-east-1", profile="no-such-section"), "no-such-section"),
        (AwsAccess(region="us-east-1", endpoint_url="no address"), "no address"),
        (AwsAccess(region="us east 1"), "us east 1"),
        (AwsAccess(region="us-east-1", credentials_file=Path("/nowhere/aws")), "/nowhere/aws: No such file"),
        (AwsAccess(region="us-east-1", credentials_file=Path("/")), "/: Is a directory"),
    ],
)
def test_an_access_that_cannot_be_set_up_says_why_and_where_to_look(service: str, access: AwsAccess, cause: str):
    with pytest.raises(StorageFailed, match=re.escape(cause)) as failure:
        getattr(access, service)()
    assert failure.value.code == "aws-access"
    assert "[aws]" in failure.value.action


def test_a_queue_without_a_region_says_that_one_is_needed():
    with pytest.raises(StorageFailed, match="region"):
        AwsAccess().sqs()


@pytest.mark.parametrize(
    "content", [CREDENTIALS.replace("[default]\n", ""), CREDENTIALS + "secret-of-nobody", "\udcff[default"]
)
def test_a_credentials_file_that_is_broken_is_named_and_no_secret_of_it(tmp_path: Path, content: str):
    path = tmp_path / "aws"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(StorageFailed, match=re.escape(str(path))) as failure:
        AwsAccess(region="us-east-1", credentials_file=path).s3()
    assert "secret-of" not in str(failure.value)


def test_no_secret_is_in_the_access_or_in_what_a_refusal_says(faulty_s3: FaultyProxy, credentials: Path):
    access = AwsAccess(endpoint_url=faulty_s3.url, profile="ap_northeast", credentials_file=credentials)
    body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>KEYOFSEOUL secret-of-seoul</Message></Error>"
    faulty_s3.fail("GET", Fault(status=403, body=body))
    with pytest.raises(StorageFailed, match="access denied") as failure:
        list(S3Store(access.s3(), "bucket").list())
    for text in (repr(access), str(failure.value), failure.value.action):
        assert "secret-of" not in text
        assert "KEYOFSEOUL" not in text


def test_keys_that_are_missing_are_a_failure_that_names_credentials(faulty_s3: FaultyProxy):
    with pytest.raises(StorageFailed, match="credentials"):
        S3Store(AwsAccess(endpoint_url=faulty_s3.url, region="us-east-1").s3(), "bucket").stat("key")
    assert faulty_s3.requests == []


def test_a_bucket_of_a_server_of_ones_own_is_a_path_also_when_its_name_could_be_a_host(
    faulty_s3: FaultyProxy, credentials: Path
):
    # By another name than a number: only then a client would put the bucket before it.
    endpoint = faulty_s3.url.replace("127.0.0.1", "localhost")
    access = AwsAccess(endpoint_url=endpoint, credentials_file=credentials)
    with pytest.raises(StorageFailed):
        S3Store(access.s3(), "no-such-bucket").check()
    assert faulty_s3.requests[-1].path.partition("?")[0] in {"/no-such-bucket", "/no-such-bucket/"}
