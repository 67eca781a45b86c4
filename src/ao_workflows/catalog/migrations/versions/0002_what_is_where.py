"""Works on the web; what the archive holds of each work, and how that changed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the state of a published work, and the tables of archive copies and their changes."""
    with op.batch_alter_table("works") as works:
        works.add_column(sa.Column("web_address", sa.Text(), nullable=False, server_default=""))
        works.drop_constraint("ck_works_state", type_="check")
        works.create_check_constraint(
            "ck_works_state",
            "state IN ('unbagged', 'audited', 'archived', 'published', 'complete', 'waiting', 'error', 'rejected')",
        )
        # A work may ask for no place in the archive; one that is on record as archived has one all the same.
        works.drop_constraint("ck_works_archive_path", type_="check")
        works.create_check_constraint("ck_works_archive_path", "state <> 'archived' OR archive_path <> ''")
    with op.batch_alter_table("works") as works:
        works.alter_column("web_address", server_default=None)
    op.create_table(
        "archive_copies",
        sa.Column("rid", sa.String(length=45), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("rid", name="pk_archive_copies"),
    )
    op.create_table(
        "archive_changes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("rid", sa.String(length=45), nullable=False),
        sa.Column("delivery_id", _ID, nullable=True),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("paths", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_archive_changes_delivery_id_deliveries"),
        sa.PrimaryKeyConstraint("id", name="pk_archive_changes"),
    )
    op.create_index("ix_archive_changes_rid", "archive_changes", ["rid"], unique=False)
