"""What must be true of the database itself, whatever the code above it does."""

import os
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ao_workflows.catalog import (
    Catalog,
    CatalogNotMigrated,
    CatalogUnavailable,
    Delivery,
    events_of,
    list_works,
    record_arrival,
)
from ao_workflows.catalog.database import head_revision
from ao_workflows.catalog.migrating import migrations
from ao_workflows.catalog.models import Base
from ao_workflows.errors import UsageError
from fixtures.catalog import UPLOADED, arrival, deliver


def execute(catalog: Catalog, *statements: str) -> None:
    with catalog.transaction() as session:
        for statement in statements:
            session.execute(text(statement))


@pytest.mark.parametrize(
    "change",
    [
        "state = 'lost'",
        "kind = 'parcel'",
        "state = 'rejected', closed_at = updated_at",
        "state = 'error', reason = 'why', reason_code = ''",
        "state = 'waiting'",
        "waiting_for = 'space'",
        "state = 'complete'",
        "closed_at = updated_at",
        "state = 'running'",
        "claimed_by = 'me', lease_until = updated_at",
        "state = 'claimed', claimed_by = 'me'",
    ],
)
def test_the_database_refuses_a_delivery_that_contradicts_itself(catalog, change):
    deliver(catalog)
    with pytest.raises(CatalogUnavailable, match="constraint"):
        execute(catalog, f"UPDATE deliveries SET {change}")  # noqa: S608  # the changes stand above


@pytest.mark.parametrize("change", ["UPDATE events SET actor = 'nobody'", "DELETE FROM events"])
def test_the_database_refuses_to_change_history(catalog, change):
    deliver(catalog)
    with pytest.raises(CatalogUnavailable, match="events are only ever added"):
        execute(catalog, change)


def test_the_database_refuses_a_second_open_delivery_of_the_same_object(catalog):
    first = deliver(catalog)
    with pytest.raises(CatalogUnavailable) as refused, catalog.transaction() as session:
        session.add(
            Delivery(
                kind="s3",
                bucket=first.bucket,
                object_key=first.object_key,
                object_version=first.object_version,
                received_at=UPLOADED,
                updated_at=UPLOADED,
            )
        )
    assert isinstance(refused.value.__cause__, IntegrityError)


def test_times_come_back_as_they_were_in_utc(catalog):
    delivery = deliver(catalog, restore_expires_at=UPLOADED)
    with catalog.reading() as session:
        found = session.get_one(Delivery, delivery.id).restore_expires_at
    assert found == UPLOADED
    assert found.utcoffset().total_seconds() == 0


def test_a_time_without_a_zone_is_refused(catalog):
    with pytest.raises(Exception, match="needs a time zone"):
        deliver(catalog, restore_expires_at=UPLOADED.replace(tzinfo=None))


def test_the_migrations_make_the_tables_that_the_code_expects(catalog):
    with catalog.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_catalog_without_tables_says_how_to_make_them(database_url):
    catalog = Catalog(database_url)
    with pytest.raises(CatalogNotMigrated) as told:
        catalog.check()
    assert told.value.action == "Run `ao db upgrade`."
    assert catalog.upgrade() == (None, catalog.revision())
    catalog.check()
    assert catalog.upgrade() == (catalog.revision(), catalog.revision())
    catalog.close()


def test_the_file_of_a_migration_begins_with_its_revision_and_the_last_is_the_one_that_is_needed():
    script = ScriptDirectory.from_config(migrations())
    assert head_revision() == script.get_current_head()
    for revision in script.walk_revisions():
        assert Path(revision.path).name.startswith(f"{revision.revision}_")


def test_a_catalog_of_the_first_version_keeps_all_that_it_holds(database_url):
    catalog = Catalog(database_url)
    config = migrations()
    with catalog.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    execute(
        catalog,
        "INSERT INTO deliveries (id, kind, bucket, object_key, object_version, etag, queue, rid, size, state,"
        " reason_code, reason, action, waiting_for, attempt, failures, reserved_bytes, received_at, updated_at,"
        " closed_at) VALUES (7, 's3', 'b', 'k', 'v', '', '', 'W1', 1, 'complete', '', '', '', '', 1, 0, 0,"
        " CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)",
        "INSERT INTO works (id, delivery_id, rid, state, reason_code, reason, action, waiting_for, files, bytes,"
        " archive_path, updated_at) VALUES (8, 7, 'W1', 'complete', '', '', '', '', 3, 9, '/mnt/W1',"
        " CURRENT_TIMESTAMP)",
        "INSERT INTO stage_outcomes (id, delivery_id, work_id, stage, attempt, outcome, code, message, action,"
        " waiting_for, detail, started_at, ended_at) VALUES (9, 7, 8, 'archive', 1, 'done', '', '', '', '', '{}',"
        " CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)",
        "INSERT INTO events (id, at, delivery_id, work_id, actor, type, outcome, detail) VALUES"
        " (10, CURRENT_TIMESTAMP, 7, 8, 'a', 'stage-ended', 'done', '{}')",
    )
    assert catalog.upgrade() == ("0001", catalog.revision())
    catalog.check()
    with catalog.reading() as session:
        (row,) = list_works(session)
        assert (row.rid, row.state, row.files, row.archive_path, row.web_address) == (
            "W1",
            "complete",
            3,
            "/mnt/W1",
            "",
        )
        assert [event.work_id for event in events_of(session, 7)] == [8]
    with pytest.raises((CatalogUnavailable, IntegrityError)):  # references are looked after as before
        execute(catalog, "DELETE FROM works")
    catalog.close()


def test_a_catalog_of_another_version_is_not_worked_with(catalog):
    execute(catalog, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogNotMigrated, match="revision 9999"):
        catalog.check()


def test_checking_a_catalog_that_is_not_there_does_not_make_it(tmp_path):
    catalog = Catalog(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(CatalogNotMigrated):
        catalog.check()
    assert list(tmp_path.iterdir()) == []


def test_the_password_is_in_no_message():
    catalog = Catalog("postgresql+psycopg://ao@127.0.0.1:1/none", password="correct horse")  # noqa: S106  # a test's own
    with pytest.raises(CatalogUnavailable) as failed:
        catalog.check()
    assert "correct horse" not in f"{failed.value} {catalog.name}"
    assert "127.0.0.1" in catalog.name


@pytest.mark.parametrize("url", ["mysql://server/ao", "no address at all"])
def test_an_address_that_is_no_supported_database_is_wrong_usage(url):
    with pytest.raises(UsageError, match=r"catalog\.url"):
        Catalog(url)


def test_a_locked_catalog_says_so_and_records_nothing(tmp_path):
    path = tmp_path / "catalog.db"
    catalog = Catalog(f"sqlite:///{path}", busy_timeout=0.1)
    catalog.upgrade()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogUnavailable, match="another process has been writing") as failed:
        deliver(catalog)
    assert failed.value.code == "catalog-locked"
    assert failed.value.retryable
    holder.execute("ROLLBACK")
    holder.close()
    assert deliver(catalog).id == 1
    catalog.close()


def test_readers_do_not_wait_for_a_writer(tmp_path):
    path = tmp_path / "catalog.db"
    catalog = Catalog(f"sqlite:///{path}", busy_timeout=0.1)
    catalog.upgrade()
    with catalog.transaction() as writing:
        record_arrival(writing, arrival())
        with catalog.reading() as reading:
            assert reading.get(Delivery, 1) is None
    catalog.close()


def test_what_is_committed_to_sqlite_is_on_the_disk(tmp_path):
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    catalog.upgrade()
    with catalog.transaction() as session:
        full = 2  # SQLite's number for synchronous = FULL
        assert session.scalar(text("PRAGMA synchronous")) == full
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
    catalog.close()


def test_a_read_only_catalog_says_so(tmp_path):
    path = tmp_path / "catalog.db"
    catalog = Catalog(f"sqlite:///{path}")
    catalog.upgrade()
    catalog.close()
    read_only = Catalog(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(CatalogUnavailable, match="cannot be written") as failed:
        deliver(read_only)
    assert failed.value.code == "catalog-read-only"
    read_only.close()


def test_a_catalog_in_a_folder_that_cannot_be_made_says_so(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(CatalogUnavailable, match="a folder for the catalog"):
        Catalog(f"sqlite:///{tmp_path / 'file' / 'catalog.db'}").upgrade()


def test_a_damaged_catalog_is_a_clear_error(tmp_path):
    path = tmp_path / "catalog.db"
    path.write_bytes(os.urandom(8192))
    with pytest.raises(CatalogUnavailable, match="not a database"):
        Catalog(f"sqlite:///{path}").check()


def test_the_postgresql_database_itself_is_created_once_and_knows_every_script(postgres_server):
    catalog = Catalog(postgres_server.url("made for a catalog"))
    try:
        with pytest.raises(CatalogUnavailable):
            catalog.check()
        catalog.create_database()
        catalog.upgrade()
        deliver(catalog, "བོད་/W22084.bag.zip")
        catalog.create_database()
        catalog.check()
        with catalog.reading() as session:
            assert session.scalar(text("SELECT object_key FROM deliveries")) == "བོད་/W22084.bag.zip"
            assert session.scalar(text("SHOW server_encoding")) == "UTF8"
    finally:
        catalog.close()
        with postgres_server.connect() as connection:
            connection.execute('DROP DATABASE "made for a catalog"')


def test_a_sqlite_catalog_needs_no_database_to_be_created(tmp_path):
    catalog = Catalog(f"sqlite:///{tmp_path}/catalog.db")
    catalog.create_database()
    assert list(tmp_path.iterdir()) == []
