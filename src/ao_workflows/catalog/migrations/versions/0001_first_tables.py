"""The first tables: deliveries, works, stages, events, arrivals, messages."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite counts only INTEGER primary keys up by itself.
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, the turns, and the guards that keep the history append-only."""
    op.create_table(
        "deliveries",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("bucket", sa.String(length=255), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("object_version", sa.String(length=1024), nullable=False),
        sa.Column("version_id", sa.String(length=1024), nullable=True),
        sa.Column("etag", sa.String(length=255), nullable=False),
        sa.Column("queue", sa.String(length=255), nullable=False),
        sa.Column("rid", sa.String(length=45), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason_code", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("restore_expires_at", _MOMENT, nullable=True),
        sa.Column("claimed_by", sa.String(length=255), nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("reserved_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.CheckConstraint("(state = 'waiting') = (waiting_for <> '')", name="ck_deliveries_waiting_for"),
        sa.CheckConstraint(
            "(state IN ('claimed', 'running')) = (claimed_by IS NOT NULL)", name="ck_deliveries_claim_holder"
        ),
        sa.CheckConstraint(
            "(state IN ('complete', 'rejected')) = (closed_at IS NOT NULL)", name="ck_deliveries_closed"
        ),
        sa.CheckConstraint("kind IN ('s3', 'drop')", name="ck_deliveries_kind"),
        sa.CheckConstraint(
            "state IN ('received', 'claimed', 'running', 'waiting', 'error', 'rejected', 'complete')",
            name="ck_deliveries_state",
        ),
        sa.CheckConstraint(
            "state NOT IN ('rejected', 'error') OR (reason <> '' AND reason_code <> '')", name="ck_deliveries_reason"
        ),
        sa.CheckConstraint("(claimed_by IS NULL) = (lease_until IS NULL)", name="ck_deliveries_claim_lease"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_state_due", "deliveries", ["state", "due_at"], unique=False)
    op.create_index(
        "uq_deliveries_open_object",
        "deliveries",
        ["bucket", "object_key", "object_version"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('complete', 'rejected')"),
        postgresql_where=sa.text("state NOT IN ('complete', 'rejected')"),
    )
    op.create_table(
        "message_receipts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("queue", sa.String(length=255), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("disposition", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("receive_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("disposition <> 'not-understood' OR problem <> ''", name="ck_message_receipts_problem"),
        sa.CheckConstraint(
            "disposition IN ('delivered', 'test', 'ignored', 'not-understood')", name="ck_message_receipts_disposition"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_message_receipts"),
        sa.UniqueConstraint("queue", "message_id", name="uq_message_receipts_queue_message_id"),
    )
    op.create_table(
        "turns",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("taken_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_turns"),
    )
    op.create_table(
        "arrivals",
        sa.Column("id", _ID, nullable=False),
        sa.Column("delivery_id", _ID, nullable=False),
        sa.Column("bucket", sa.String(length=255), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("object_version", sa.String(length=1024), nullable=False),
        sa.Column("sequencer", sa.String(length=255), nullable=False),
        sa.Column("event_name", sa.String(length=64), nullable=False),
        sa.Column("event_at", _MOMENT, nullable=True),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_arrivals_delivery_id_deliveries"),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
        sa.UniqueConstraint(
            "bucket", "object_key", "object_version", "sequencer", "event_name", name="uq_arrivals_announcement"
        ),
    )
    op.create_index("ix_arrivals_delivery_id", "arrivals", ["delivery_id"], unique=False)
    op.create_table(
        "works",
        sa.Column("id", _ID, nullable=False),
        sa.Column("delivery_id", _ID, nullable=False),
        sa.Column("rid", sa.String(length=45), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason_code", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("archive_path", sa.Text(), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.CheckConstraint("(state = 'waiting') = (waiting_for <> '')", name="ck_works_waiting_for"),
        sa.CheckConstraint(
            "state IN ('unbagged', 'audited', 'archived', 'complete', 'waiting', 'error', 'rejected')",
            name="ck_works_state",
        ),
        sa.CheckConstraint("state NOT IN ('archived', 'complete') OR archive_path <> ''", name="ck_works_archive_path"),
        sa.CheckConstraint(
            "state NOT IN ('rejected', 'error') OR (reason <> '' AND reason_code <> '')", name="ck_works_reason"
        ),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_works_delivery_id_deliveries"),
        sa.PrimaryKeyConstraint("id", name="pk_works"),
        sa.UniqueConstraint("delivery_id", "rid", name="uq_works_delivery_id_rid"),
    )
    op.create_index("ix_works_rid", "works", ["rid"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("delivery_id", _ID, nullable=True),
        sa.Column("work_id", _ID, nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_events_delivery_id_deliveries"),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name="fk_events_work_id_works"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_at", "events", ["at"], unique=False)
    op.create_index("ix_events_delivery_id", "events", ["delivery_id"], unique=False)
    op.create_table(
        "stage_outcomes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("delivery_id", _ID, nullable=False),
        sa.Column("work_id", _ID, nullable=True),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=False),
        sa.CheckConstraint("outcome IN ('done', 'rejected', 'error', 'waiting')", name="ck_stage_outcomes_outcome"),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_stage_outcomes_delivery_id_deliveries"),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name="fk_stage_outcomes_work_id_works"),
        sa.PrimaryKeyConstraint("id", name="pk_stage_outcomes"),
    )
    op.create_index("ix_stage_outcomes_subject", "stage_outcomes", ["delivery_id", "work_id", "stage"], unique=False)
    op.bulk_insert(
        sa.table("turns", sa.column("name", sa.String)), [{"name": name} for name in ("claim", "ledger", "scratch")]
    )
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER events_no_{change.lower()} BEFORE {change} ON events "
                "BEGIN SELECT RAISE(ABORT, 'events are only ever added'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'events are only ever added'; END $$"
        )
        op.execute(
            "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history()"
        )
