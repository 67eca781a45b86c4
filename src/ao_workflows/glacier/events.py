"""Reading S3 event messages, as S3 sends them itself and as SNS and EventBridge wrap them.

The forms are those of the Amazon S3 User Guide ("Event message structure", "Using EventBridge"). Messages come from
outside, so every field is checked, and what is not understood is told and never guessed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

ARRIVALS = ("ObjectRestore:Completed", "ObjectCreated:")
"""The events after which an object may be readable; event names carry no ``s3:`` prefix."""

MAX_NAME = 255
"""Characters of a bucket's name, an eTag or a sequencer, at most; S3's own are shorter. So much fits the catalog."""

MAX_KEY = 1024
"""Bytes of UTF-8 of a key or a version id, at most: S3's own limit."""

MAX_EVENT_NAME = 64
"""Characters of an event's name, at most; the longest of S3 has half of that."""

YEARS = range(1970, 9000)
"""The years that an event can tell of; beyond, not every database and time zone can follow."""

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

_EVENTBRIDGE_NAMES = {
    "Object Restore Completed": "ObjectRestore:Completed",
    "Object Created": "ObjectCreated:EventBridge",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEvent:
    """One S3 event that announces an object.

    :param name: the event's name, such as ``ObjectRestore:Completed``.
    :param key: the object's key, decoded.
    :param etag: without quotes; empty when the event has none.
    :param sequencer: orders the events of one key; empty when the event has none.
    :param at: when it happened, UTC; ``None`` when the event does not say.
    :param restore_expires_at: until when the restored copy is kept, UTC.
    """

    name: str
    bucket: str
    key: str
    size: int = 0
    etag: str = ""
    version_id: str | None = None
    sequencer: str = ""
    at: datetime | None = None
    restore_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Announcements:
    """What a message says.

    :param events: the events in it that announce an object.
    :param problem: what could not be understood, in words; empty when all was.
    :param is_test: whether it is the message that S3 sends when a notification is configured.
    """

    events: tuple[ObjectEvent, ...] = ()
    problem: str = ""
    is_test: bool = False

    @property
    def disposition(self) -> str:
        """The one word under which the message goes on record."""
        if self.problem:
            return "not-understood"
        if self.events:
            return "delivered"
        return "test" if self.is_test else "ignored"


class _NotUnderstood(ValueError):
    """A part of a message has not the form that the specification gives it."""


def parse_message(body: str) -> Announcements:
    """Return what the message ``body`` says. Never raises: a problem is part of the answer."""
    try:
        document = _unwrap(_json_object(body))
        if document.get("Event") == "s3:TestEvent":
            return Announcements(is_test=True)
        if "detail-type" in document:
            event = _from_eventbridge(document)
            return Announcements(events=(event,) if event else ())
        records = _records(document)
    except _NotUnderstood as problem:
        return Announcements(problem=f"{problem}.")
    events, problems = [], []
    for number, record in enumerate(records, start=1):
        try:
            if event := _from_record(record):
                events.append(event)
        except _NotUnderstood as problem:
            problems.append(f"record {number}: {problem}.")
    return Announcements(events=tuple(events), problem=" ".join(problems))


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _NotUnderstood(f"it is not JSON ({str(error)[:80]})") from error
    if not isinstance(document, dict):
        raise _NotUnderstood("it is JSON, but not an object")
    return document


def _unwrap(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take an SNS envelope off; SNS puts the message it carries into a string."""
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        return _json_object(document["Message"])
    return document


def _records(document: Mapping[str, Any]) -> list[object]:
    records = document.get("Records")
    if not isinstance(records, list):
        raise _NotUnderstood("it has no list of Records and is no test event")
    return records


def _from_record(record: object) -> ObjectEvent | None:
    """Return the event of one record, ``None`` if it announces nothing that could be fetched."""
    if not isinstance(record, dict):
        raise _NotUnderstood("it is not an object")
    name = _text(record, "eventName").removeprefix("s3:")
    if not name.startswith(ARRIVALS):
        return None
    _storable("eventName", name, MAX_EVENT_NAME)
    entity = _part(_part(record, "s3"), "object")
    glacier = record.get("glacierEventData")
    restore = glacier.get("restoreEventData", {}) if isinstance(glacier, dict) else {}
    return ObjectEvent(
        name=name,
        bucket=_name(_part(_part(record, "s3"), "bucket"), "name"),
        # In these records, and only here, keys are URL-encoded with "+" for a space.
        key=_storable("key", _decoded(_text(entity, "key")), MAX_KEY),
        size=_size(entity),
        etag=_name(entity, "eTag", default="").strip('"'),
        version_id=_storable("versionId", _text(entity, "versionId", default=""), MAX_KEY) or None,
        sequencer=_name(entity, "sequencer", default=""),
        at=_moment(record.get("eventTime")),
        restore_expires_at=_moment(
            restore.get("lifecycleRestorationExpiryTime") if isinstance(restore, dict) else None
        ),
    )


def _from_eventbridge(document: Mapping[str, Any]) -> ObjectEvent | None:
    name = _EVENTBRIDGE_NAMES.get(_text(document, "detail-type"))
    if name is None:
        return None
    detail = _part(document, "detail")
    entity = _part(detail, "object")
    return ObjectEvent(
        name=name,
        bucket=_name(_part(detail, "bucket"), "name"),
        key=_storable("key", _text(entity, "key"), MAX_KEY),
        size=_size(entity),
        etag=_name(entity, "etag", default="").strip('"'),
        version_id=_storable("version-id", _text(entity, "version-id", default=""), MAX_KEY) or None,
        sequencer=_name(entity, "sequencer", default=""),
        at=_moment(document.get("time")),
        restore_expires_at=_moment(detail.get("restore-expiry-time")),
    )


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise _NotUnderstood(f"{name} is missing or is not an object")
    return value


def _text(document: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    value = document.get(name, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (not value and default is None):
        raise _NotUnderstood(f"{name} is missing or is not text")
    return value


def _name(document: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    return _storable(name, _text(document, name, default=default), MAX_NAME)


def _decoded(key: str) -> str:
    if _BROKEN_ESCAPE.search(key):
        raise _NotUnderstood("the key has a % without two hexadecimal digits")
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise _NotUnderstood("the key is not URL-encoded UTF-8") from error


def _storable(name: str, text: str, longest: int) -> str:
    """Return ``text`` if every database and log can take it: JSON can say more than that."""
    if "\0" in text:
        raise _NotUnderstood(f"{name} holds a NUL character")
    if any("\ud800" <= each <= "\udfff" for each in text):
        raise _NotUnderstood(f"{name} holds half of a surrogate pair")
    if len(text.encode()) > longest:
        raise _NotUnderstood(f"{name} is longer than {longest} bytes")
    return text


def _size(entity: Mapping[str, Any]) -> int:
    size = entity.get("size", 0)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise _NotUnderstood("size is not a number of bytes")
    return size


def _moment(value: object) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _NotUnderstood("a time is not text")
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _NotUnderstood(f"{value[:40]!r} is not a time in ISO 8601") from error
    if moment.year not in YEARS:
        raise _NotUnderstood(f"{value[:40]!r} is not a time of our age")
    return moment
