"""The tables. What must always be true of them is a constraint in the database first, and code second."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class DeliveryState(StrEnum):
    """Where a delivery stands. From ``complete`` and ``rejected`` only a person or a new event goes on."""

    RECEIVED = "received"
    CLAIMED = "claimed"
    RUNNING = "running"
    WAITING = "waiting"
    ERROR = "error"
    REJECTED = "rejected"
    COMPLETE = "complete"


class WorkState(StrEnum):
    """Where a work of a delivery stands: the last stage that it passed, or why it stopped."""

    UNBAGGED = "unbagged"
    AUDITED = "audited"
    ARCHIVED = "archived"
    PUBLISHED = "published"
    COMPLETE = "complete"
    WAITING = "waiting"
    ERROR = "error"
    REJECTED = "rejected"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware in Python on every database (SQLite keeps no time zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store in UTC; a naive time has no meaning here and is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in the catalog needs a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Prose(TypeDecorator[str]):
    """Text for people, which may quote names from outside.

    What no database can store (NUL, and bytes that are no UTF-8, which Python carries as lone surrogates) is escaped.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what cannot be stored."""
        del dialect
        return value and value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


class Base(DeclarativeBase):
    """Base of all tables; constraint names are fixed, so that migrations can name them on every database."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON}


# SQLite counts only INTEGER primary keys up by itself.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(value.value) for value in values)})"


OBJECT_MISSED = frozenset({"source-gone", "source-changed"})
"""Reasons that are not about the content: when they were found, the object that was announced was not there."""

_OPEN = "state NOT IN ('complete', 'rejected')"


class Delivery(Base):
    """One object that arrived: a bag zip or zip, from S3 or the drop folder, holding one or more works."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("kind IN ('s3', 'drop')", name="kind"),
        CheckConstraint(_one_of("state", DeliveryState), name="state"),
        # A delivery is held by a claim exactly while somebody works on it.
        CheckConstraint("(state IN ('claimed', 'running')) = (claimed_by IS NOT NULL)", name="claim_holder"),
        CheckConstraint("(claimed_by IS NULL) = (lease_until IS NULL)", name="claim_lease"),
        # Nobody is left to guess: what stopped always says why.
        CheckConstraint("state NOT IN ('rejected', 'error') OR (reason <> '' AND reason_code <> '')", name="reason"),
        CheckConstraint("(state = 'waiting') = (waiting_for <> '')", name="waiting_for"),
        CheckConstraint("(state IN ('complete', 'rejected')) = (closed_at IS NOT NULL)", name="closed"),
        # The same content has at most one delivery in progress.
        Index(
            "uq_deliveries_open_object",
            "bucket",
            "object_key",
            "object_version",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index("ix_deliveries_state_due", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    bucket: Mapped[str] = mapped_column(String(255))
    """The bucket; empty for a dropped file."""
    object_key: Mapped[str] = mapped_column(Text)
    """The object's key, or the dropped file's absolute path."""
    object_version: Mapped[str] = mapped_column(String(1024))
    """What pins the content: the version id, else the eTag, else for a dropped file its inode, size and time."""
    version_id: Mapped[str | None] = mapped_column(String(1024))
    etag: Mapped[str] = mapped_column(String(255), default="")
    queue: Mapped[str] = mapped_column(String(255), default="")
    """The queue that announced it, whose settings say how to reach the bucket; empty for a dropped file."""
    rid: Mapped[str] = mapped_column(String(45), default="")
    """The RID that the object's name gives; empty if it gives none."""
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[DeliveryState] = mapped_column(String(16), default=DeliveryState.RECEIVED)
    reason_code: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(Prose, default="")
    action: Mapped[str] = mapped_column(Prose, default="")
    """The next step for a person."""
    waiting_for: Mapped[str] = mapped_column(Prose, default="")
    attempt: Mapped[int] = mapped_column(default=0)
    """How often it was claimed. With the id it names the claim: a stage of an older attempt is refused."""
    failures: Mapped[int] = mapped_column(default=0)
    """How many attempts in a row ended in a system failure."""
    due_at: Mapped[datetime | None]
    """From when on it may be claimed; ``None``: only a person or a new event can wake it."""
    restore_expires_at: Mapped[datetime | None]
    """Until when S3 keeps the restored copy, as the event said."""
    claimed_by: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[datetime | None]
    reserved_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """Scratch space that is promised to it and not yet filled."""
    received_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    """When the first stage of the last attempt began."""
    closed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]

    works: Mapped[list["Work"]] = relationship(back_populates="delivery", order_by="Work.rid")

    @property
    def is_open(self) -> bool:
        """Whether there is still something to do, or to wait for."""
        return self.state not in {DeliveryState.COMPLETE, DeliveryState.REJECTED}

    @property
    def source(self) -> str:
        """How to name the object to a person, and to the command line."""
        if self.kind == "drop":
            return self.object_key
        version = f"?versionId={self.version_id}" if self.version_id else ""
        return f"s3://{self.bucket}/{self.object_key}{version}"


class Arrival(Base):
    """One distinct announcement of a delivery's object. The same event received again is the same row."""

    __tablename__ = "arrivals"
    __table_args__ = (
        UniqueConstraint(
            "bucket",
            "object_key",
            "object_version",
            "sequencer",
            "event_name",
            name="uq_arrivals_announcement",
        ),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), index=True)
    bucket: Mapped[str] = mapped_column(String(255))
    object_key: Mapped[str] = mapped_column(Text)
    object_version: Mapped[str] = mapped_column(String(1024))
    sequencer: Mapped[str] = mapped_column(String(255))
    event_name: Mapped[str] = mapped_column(String(64))
    event_at: Mapped[datetime | None]
    received_at: Mapped[datetime]


class MessageReceipt(Base):
    """One queue message, kept whole: nothing is taken from a queue that is not on record here."""

    __tablename__ = "message_receipts"
    __table_args__ = (
        UniqueConstraint("queue", "message_id"),
        CheckConstraint("disposition IN ('delivered', 'test', 'ignored', 'not-understood')", name="disposition"),
        CheckConstraint("disposition <> 'not-understood' OR problem <> ''", name="problem"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    queue: Mapped[str] = mapped_column(String(255))
    message_id: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Prose)
    disposition: Mapped[str] = mapped_column(String(16))
    problem: Mapped[str] = mapped_column(Prose, default="")
    received_at: Mapped[datetime]
    receive_count: Mapped[int] = mapped_column(default=1)


class Work(Base):
    """One work of a delivery."""

    __tablename__ = "works"
    __table_args__ = (
        UniqueConstraint("delivery_id", "rid"),
        CheckConstraint(_one_of("state", WorkState), name="state"),
        CheckConstraint("state NOT IN ('rejected', 'error') OR (reason <> '' AND reason_code <> '')", name="reason"),
        CheckConstraint("(state = 'waiting') = (waiting_for <> '')", name="waiting_for"),
        CheckConstraint("state <> 'archived' OR archive_path <> ''", name="archive_path"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"))
    rid: Mapped[str] = mapped_column(String(45), index=True)
    state: Mapped[WorkState] = mapped_column(String(16), default=WorkState.UNBAGGED)
    reason_code: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(Prose, default="")
    action: Mapped[str] = mapped_column(Prose, default="")
    waiting_for: Mapped[str] = mapped_column(Prose, default="")
    files: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    archive_path: Mapped[str] = mapped_column(Text, default="")
    """Where it is in the archive; empty if it is not there, or its makers want it not to be."""
    web_address: Mapped[str] = mapped_column(Text, default="")
    """Where its images are on the web; empty if they are not."""
    updated_at: Mapped[datetime]

    delivery: Mapped[Delivery] = relationship(back_populates="works")


class ArchiveCopy(Base):
    """What the archive holds of a work, as the last sync left it."""

    __tablename__ = "archive_copies"

    rid: Mapped[str] = mapped_column(String(45), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    manifest: Mapped[bytes] = mapped_column(LargeBinary)
    """Path, size, SHA-512 and time of each file: gzipped lines of JSON."""
    files: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime]


class ArchiveChange(Base):
    """What one sync changed in the archive's copy of a work."""

    __tablename__ = "archive_changes"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    rid: Mapped[str] = mapped_column(String(45), index=True)
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(255))
    groups: Mapped[dict[str, Any]]
    """The numbers of files that were added, replaced, removed and left alone, by image group."""
    paths: Mapped[bytes] = mapped_column(LargeBinary)
    """The files that were added, replaced and removed: gzipped JSON."""


class StageOutcome(Base):
    """How one run of one stage ended; ``detail`` holds its figures and findings."""

    __tablename__ = "stage_outcomes"
    __table_args__ = (
        CheckConstraint("outcome IN ('done', 'rejected', 'error', 'waiting')", name="outcome"),
        Index("ix_stage_outcomes_subject", "delivery_id", "work_id", "stage"),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"))
    work_id: Mapped[int | None] = mapped_column(ForeignKey("works.id"))
    stage: Mapped[str] = mapped_column(String(32))
    attempt: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(64), default="")
    message: Mapped[str] = mapped_column(Prose, default="")
    action: Mapped[str] = mapped_column(Prose, default="")
    waiting_for: Mapped[str] = mapped_column(Prose, default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]


class Event(Base):
    """What happened: who, what, when, outcome, detail. Rows are only ever added; the database refuses anything else."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"), index=True)
    work_id: Mapped[int | None] = mapped_column(ForeignKey("works.id"))
    actor: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16), default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Turn(Base):
    """One row for each thing that must be done by one process at a time; locking the row is taking the turn."""

    __tablename__ = "turns"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    taken_at: Mapped[datetime | None]
