"""What S3's event messages say. The messages are written by hand in the forms of the Amazon S3 User Guide."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.glacier import ObjectEvent, parse_message

RESTORED = """
{"Records": [{
  "eventVersion": "2.1",
  "eventSource": "aws:s3",
  "awsRegion": "ap-northeast-2",
  "eventTime": "2025-03-01T09:14:07.123Z",
  "eventName": "ObjectRestore:Completed",
  "userIdentity": {"principalId": "AmazonCustomer:A1"},
  "requestParameters": {"sourceIPAddress": "s3.amazonaws.com"},
  "responseElements": {"x-amz-request-id": "R1", "x-amz-id-2": "R2"},
  "s3": {
    "s3SchemaVersion": "1.0",
    "configurationId": "restored",
    "bucket": {
      "name": "glacier.staging.fpl.bdrc.org",
      "ownerIdentity": {"principalId": "A1"},
      "arn": "arn:aws:s3:::glacier.staging.fpl.bdrc.org"
    },
    "object": {
      "key": "Archive1/51/W1FPL2251/W1FPL2251.bag.zip",
      "size": 17017201852,
      "eTag": "0cc175b9c0f1b6a831c399e269772661-203",
      "versionId": "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
      "sequencer": "0055AED6DCD90281E5"
    }
  },
  "glacierEventData": {
    "restoreEventData": {
      "lifecycleRestorationExpiryTime": "2025-03-06T00:00:00.000Z",
      "lifecycleRestoreStorageClass": "DEEP_ARCHIVE"
    }
  }
}]}
"""

CREATED = """
{"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
 "account": "111122223333", "time": "2025-03-01T09:14:07Z", "region": "ca-central-1",
 "resources": ["arn:aws:s3:::manifest.bdrc.org"],
 "detail": {
   "version": "0",
   "bucket": {"name": "manifest.bdrc.org"},
   "object": {"key": "a+b/W 1%2B.bag.zip", "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184",
              "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189"},
   "request-id": "N4N7GDK58NMKJ12R", "requester": "123456789012", "source-ip-address": "1.2.3.4",
   "reason": "PutObject"
 }}
"""


def record(**changes: Any) -> dict[str, Any]:
    """Return a record; a change by a dotted path, ``s3__object__key``, ``None`` takes the part away."""
    changed: dict[str, Any] = json.loads(RESTORED)["Records"][0]
    for path, value in changes.items():
        *parents, last = path.split("__")
        part = changed
        for parent in parents:
            part = part[parent]
        if value is None:
            del part[last]
        else:
            part[last] = value
    return changed


def message(*records: object) -> str:
    return json.dumps({"Records": list(records)})


def only_event(body: str) -> ObjectEvent:
    said = parse_message(body)
    assert said.problem == ""
    (event,) = said.events
    return event


def problem(body: str) -> str:
    said = parse_message(body)
    assert said.events == ()
    assert said.disposition == "not-understood"
    return said.problem


def test_a_completed_restore_is_read_field_by_field():
    assert only_event(RESTORED) == ObjectEvent(
        name="ObjectRestore:Completed",
        bucket="glacier.staging.fpl.bdrc.org",
        key="Archive1/51/W1FPL2251/W1FPL2251.bag.zip",
        size=17017201852,
        etag="0cc175b9c0f1b6a831c399e269772661-203",
        version_id="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
        sequencer="0055AED6DCD90281E5",
        at=datetime(2025, 3, 1, 9, 14, 7, 123000, tzinfo=UTC),
        restore_expires_at=datetime(2025, 3, 6, tzinfo=UTC),
    )
    assert parse_message(RESTORED).disposition == "delivered"


def test_an_upload_needs_only_a_name_a_bucket_and_a_key():
    few = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "W1AC6.bag.zip"}}}
    assert only_event(message(few)) == ObjectEvent(name="ObjectCreated:Put", bucket="b", key="W1AC6.bag.zip")


def test_the_message_that_tries_a_new_notification_is_known():
    said = parse_message(
        '{"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2025-03-01T09:14:07.000Z", "Bucket": "b",'
        ' "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4"}'
    )
    assert (said.events, said.problem, said.is_test, said.disposition) == ((), "", True, "test")


def test_every_record_of_a_message_is_an_event_in_order():
    said = parse_message(message(*(record(s3__object__key=f"W{number}.bag.zip") for number in (3, 1, 2))))
    assert [event.key for event in said.events] == ["W3.bag.zip", "W1.bag.zip", "W2.bag.zip"]
    assert said.problem == ""


def test_a_bad_record_is_told_by_its_number_and_costs_the_others_nothing():
    said = parse_message(message(record(s3__object__key="good.zip"), record(s3__object=None), 5, record()))
    assert [event.key for event in said.events] == ["good.zip", "Archive1/51/W1FPL2251/W1FPL2251.bag.zip"]
    assert said.problem == "record 2: object is missing or is not an object. record 3: it is not an object."
    assert said.disposition == "not-understood"


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("a+b.zip", "a b.zip"),
        ("a%20b.zip", "a b.zip"),
        ("a%2Bb.zip", "a+b.zip"),
        ("100%25.zip", "100%.zip"),
        ("a%252Bb.zip", "a%2Bb.zip"),
        ("%E0%BD%96%E0%BD%BC%E0%BD%91.zip", "བོད.zip"),
        ("ü.zip", "ü.zip"),
        ("a/b%2Fc.zip", "a/b/c.zip"),
        ("%22%3F%23%26.zip", '"?#&.zip'),
    ],
)
def test_keys_are_url_decoded_once(encoded, key):
    assert only_event(message(record(s3__object__key=encoded))).key == key


@pytest.mark.parametrize("encoded", ["%FF.zip", "%E0%BD.zip", "%C3%28"])
def test_a_key_that_is_not_utf8_is_told(encoded):
    assert "the key is not URL-encoded UTF-8" in problem(message(record(s3__object__key=encoded)))


@pytest.mark.parametrize("encoded", ["%zz.zip", "100%.zip", "a%2", "%"])
def test_a_percent_sign_that_encodes_nothing_is_told_and_not_guessed_at(encoded):
    assert "a % without two hexadecimal digits" in problem(message(record(s3__object__key=encoded)))


@pytest.mark.parametrize("field", ["s3__object__key", "s3__object__versionId", "s3__object__eTag", "s3__bucket__name"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a\0b", "holds a NUL character"),
        ("a\ud800b", "holds half of a surrogate pair"),
        ("x" * 1025, "is longer than"),
        (5, "is missing or is not text"),
        (["a"], "is missing or is not text"),
    ],
)
def test_text_that_no_database_could_take_is_told(field, text, told):
    name = field.rpartition("__")[2]
    assert f"{name} {told}" in problem(message(record(**{field: text})))


def test_an_encoded_nul_in_a_key_is_told():
    assert "key holds a NUL character" in problem(message(record(s3__object__key="a%00b.zip")))


def test_the_longest_key_that_s3_allows_is_taken():
    assert only_event(message(record(s3__object__key="k" * 1024))).key == "k" * 1024


@pytest.mark.parametrize("name", ["ObjectRestore:Completed", "ObjectCreated:Put", "ObjectCreated:Copy"])
@pytest.mark.parametrize("prefix", ["", "s3:"])
def test_names_are_known_with_and_without_their_prefix(prefix, name):
    assert only_event(message(record(eventName=prefix + name))).name == name


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRestore:Post",
        "ObjectRestore:Delete",
        "ObjectRemoved:Delete",
        "s3:ObjectTagging:Put",
        "LifecycleTransition",
        "TestEvent",
    ],
)
def test_events_that_announce_no_object_are_ignored(name):
    said = parse_message(message(record(eventName=name)))
    assert (said.events, said.problem, said.disposition) == ((), "", "ignored")


def test_a_message_without_records_in_its_list_is_ignored():
    assert parse_message('{"Records": []}').disposition == "ignored"


def test_an_event_with_an_endless_name_is_told():
    assert "eventName is longer than 64" in problem(message(record(eventName="ObjectCreated:" + "x" * 60)))


def test_sns_wraps_the_same_message():
    wrapped = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "Subject": "Amazon S3 Notification",
        "Message": RESTORED,
        "Timestamp": "2025-03-01T09:14:08.000Z",
        "SignatureVersion": "1",
    }
    assert only_event(json.dumps(wrapped)) == only_event(RESTORED)


def test_sns_wraps_the_test_event_and_eventbridge_too():
    assert parse_message(json.dumps({"Type": "Notification", "Message": '{"Event": "s3:TestEvent"}'})).is_test
    assert only_event(json.dumps({"Type": "Notification", "Message": CREATED})).bucket == "manifest.bdrc.org"


@pytest.mark.parametrize("inner", ["no json", "[]", '"{}"', ""])
def test_what_sns_carries_and_is_no_message_of_s3_is_told(inner):
    assert "JSON" in problem(json.dumps({"Type": "Notification", "Message": inner}))


def test_a_subscription_that_waits_to_be_confirmed_is_told():
    assert problem('{"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe", "Token": "t"}')


def test_eventbridge_names_fields_otherwise_and_does_not_encode_keys():
    assert only_event(CREATED) == ObjectEvent(
        name="ObjectCreated:EventBridge",
        bucket="manifest.bdrc.org",
        key="a+b/W 1%2B.bag.zip",
        size=5,
        etag="b1946ac92492d2347c6235b4d2611184",
        version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        sequencer="617f08299329d189",
        at=datetime(2025, 3, 1, 9, 14, 7, tzinfo=UTC),
    )


def test_eventbridge_tells_of_a_restore_and_its_end():
    body = json.dumps(
        {
            "detail-type": "Object Restore Completed",
            "time": "2025-03-01T09:14:07Z",
            "detail": {
                "bucket": {"name": "b"},
                "object": {"key": "k.zip", "size": 1, "etag": "e", "version-id": "v"},
                "restore-expiry-time": "2025-03-06T00:00:00Z",
                "source-storage-class": "DEEP_ARCHIVE",
            },
        }
    )
    event = only_event(body)
    assert event.name == "ObjectRestore:Completed"
    assert event.restore_expires_at == datetime(2025, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Object Restore Initiated", "Object Deleted", "EC2 Instance State-change"])
def test_eventbridge_events_that_announce_no_object_are_ignored(name):
    assert parse_message(json.dumps({"detail-type": name, "detail": {}})).disposition == "ignored"


@pytest.mark.parametrize(
    "body",
    ['{"detail-type": 5}', '{"detail-type": "Object Created"}', '{"detail-type": "Object Created", "detail": 1}'],
)
def test_an_eventbridge_message_without_its_parts_is_told(body):
    assert problem(body)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "it is not JSON"),
        ("hello", "it is not JSON"),
        ('{"Records": [', "it is not JSON"),
        ("[1, 2]", "it is JSON, but not an object"),
        ("null", "it is JSON, but not an object"),
        ('"text"', "it is JSON, but not an object"),
        ("{}", "no list of Records"),
        ('{"Records": {}}', "no list of Records"),
        ('{"Records": "x"}', "no list of Records"),
        ('{"Event": ["s3:TestEvent"]}', "no list of Records"),
        ("[" * 100_000, "it is not JSON"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "it is not JSON"),
        ('{"size": ' + "9" * 5000 + "}", "it is not JSON"),
    ],
)
def test_a_message_that_is_none_of_s3_is_told(body, told):
    assert told in problem(body)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"eventName": None}, "eventName is missing"),
        ({"eventName": ""}, "eventName is missing"),
        ({"s3": None}, "s3 is missing"),
        ({"s3": []}, "s3 is missing or is not an object"),
        ({"s3__bucket": "b"}, "bucket is missing or is not an object"),
        ({"s3__bucket__name": ""}, "name is missing"),
        ({"s3__object__key": None}, "key is missing"),
        ({"s3__object__size": "5"}, "size is not a number"),
        ({"s3__object__size": -1}, "size is not a number"),
        ({"s3__object__size": 1.5}, "size is not a number"),
        ({"s3__object__size": True}, "size is not a number"),
        ({"s3__object__size": 1 << 63}, "size is not a number"),
        ({"eventTime": 5}, "a time is not text"),
        ({"eventTime": "yesterday"}, "'yesterday' is not a time"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "is not a time"),
        (
            {"glacierEventData": {"restoreEventData": {"lifecycleRestorationExpiryTime": "soon"}}},
            "'soon' is not a time",
        ),
    ],
)
def test_a_record_without_its_parts_says_which(changes, told):
    assert told in problem(message(record(**changes)))


@pytest.mark.parametrize("data", [{}, {"restoreEventData": {}}, {"restoreEventData": 1}, 5, "x"])
def test_a_restore_that_does_not_say_when_it_ends_is_an_event_all_the_same(data):
    assert only_event(message(record(glacierEventData=data))).restore_expires_at is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-01T09:14:07.123Z", datetime(2025, 3, 1, 9, 14, 7, 123000, tzinfo=UTC)),
        ("2025-03-01T09:14:07", datetime(2025, 3, 1, 9, 14, 7, tzinfo=UTC)),
        ("2025-03-01T14:59:07+05:45", datetime(2025, 3, 1, 9, 14, 7, tzinfo=UTC)),
        ("2025-03-01T00:14:07-09:00", datetime(2025, 3, 1, 9, 14, 7, tzinfo=UTC)),
        ("", None),
    ],
)
def test_times_are_utc_whatever_their_offset(text, moment):
    assert only_event(message(record(eventTime=text))).at == moment


def test_quotes_around_an_etag_are_taken_off():
    assert only_event(message(record(s3__object__eTag='"abc-2"'))).etag == "abc-2"


def test_an_object_without_versions_has_no_version_id():
    assert only_event(message(record(s3__object__versionId=None))).version_id is None
    assert only_event(message(record(s3__object__versionId=""))).version_id is None


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner), max_leaves=20
)
WEIRD = JSON | st.text(st.characters(exclude_categories=()), max_size=40)


def assert_is_an_answer(body: str) -> None:
    said = parse_message(body)
    assert said.disposition in {"delivered", "not-understood", "ignored", "test"}
    assert said.problem.isprintable()
    for event in said.events:
        for text in (event.name, event.bucket, event.key, event.etag, event.version_id or "", event.sequencer):
            assert "\0" not in text
            assert len(text) <= 1024
            text.encode("utf-8")
        assert event.bucket
        assert event.key
        assert 0 <= event.size < 1 << 63
        for moment in (event.at, event.restore_expires_at):
            assert moment is None or moment.tzinfo is UTC


@given(st.text())
def test_no_text_breaks_the_parser(text):
    assert_is_an_answer(text)


@given(JSON)
def test_no_json_breaks_the_parser(document):
    assert_is_an_answer(json.dumps(document))


@given(
    st.sampled_from(
        [
            "eventName",
            "eventTime",
            "s3",
            "s3__bucket",
            "s3__bucket__name",
            "s3__object",
            "s3__object__key",
            "s3__object__size",
            "s3__object__eTag",
            "s3__object__versionId",
            "s3__object__sequencer",
            "glacierEventData",
            "glacierEventData__restoreEventData",
            "glacierEventData__restoreEventData__lifecycleRestorationExpiryTime",
        ]
    ),
    WEIRD,
)
def test_no_value_anywhere_in_a_record_breaks_the_parser(path, value):
    assert_is_an_answer(message(record(**{path: value})))


@given(st.sampled_from(["detail-type", "time", "detail"]), WEIRD)
def test_no_value_anywhere_in_an_eventbridge_message_breaks_the_parser(name, value):
    assert_is_an_answer(json.dumps(json.loads(CREATED) | {name: value}))


@given(st.sampled_from(["key", "size", "etag", "version-id", "sequencer"]), WEIRD)
def test_no_value_in_an_eventbridge_object_breaks_the_parser(name, value):
    document = json.loads(CREATED)
    document["detail"]["object"][name] = value
    assert_is_an_answer(json.dumps(document))
