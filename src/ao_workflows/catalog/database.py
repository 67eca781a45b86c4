"""Opening the catalog: SQLite (the embedded default) or PostgreSQL (the platform), and its transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from ao_workflows.errors import SystemFailed, UsageError

MIGRATIONS = Path(__file__).parent / "migrations"

_READ_ONLY_OPTION = "ao_reading"


class CatalogUnavailable(SystemFailed):
    """The database cannot be reached, is locked, read-only or damaged. Nothing was recorded."""

    code = "catalog-unavailable"


class CatalogNotMigrated(SystemFailed):
    """The database's tables are not those of this version of the program."""

    code = "catalog-not-migrated"
    retryable = False


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class Catalog:
    """The catalog's database.

    :param url: a SQLAlchemy address without password.
    :param password: the password, for servers.
    :param busy_timeout: how long, in seconds, to wait for another writer of a SQLite catalog.
    :raises UsageError: if the address is malformed or names an unsupported database.
    """

    def __init__(self, url: str, *, password: str | None = None, busy_timeout: float = 30) -> None:
        try:
            address = sqlalchemy.make_url(url)
        except ArgumentError as error:
            raise UsageError(
                "catalog.url is not a database address.",
                action="Write sqlite:////path/catalog.db or postgresql+psycopg://user@host/database.",
                code="config-invalid",
            ) from error
        if "password" in address.query:
            raise UsageError(
                "catalog.url holds a password.",
                action="Set it as catalog.password, best in the secret file ao_catalog__password.",
                code="config-invalid",
            )
        if password is not None:
            address = address.set(password=password)
        if address.get_backend_name() not in {"sqlite", "postgresql"}:
            raise UsageError(
                f"catalog.url names {address.get_backend_name()}, which is not supported.",
                action="Use SQLite or PostgreSQL.",
                code="config-invalid",
            )
        self.name = address.render_as_string(hide_password=True)
        self._busy_timeout = busy_timeout
        try:
            self.engine = self._make_engine(address)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise UsageError(
                f"The driver for {address.drivername} is not installed.",
                action="Install ao-workflows[postgres], or write postgresql+psycopg://…",
                code="config-invalid",
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session whose changes are committed together when the block ends, or not at all.

        :raises CatalogUnavailable: if the database fails; nothing of the block is recorded then.
        """
        with self._translated_errors(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that only reads: it waits for no writer and blocks none.

        :raises CatalogUnavailable: if the database fails.
        """
        engine = self.engine.execution_options(**{_READ_ONLY_OPTION: True})
        with self._translated_errors(), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def create_database(self) -> None:
        """Create the database itself on its PostgreSQL server, unless it is there; SQLite makes its file by itself.

        :raises CatalogUnavailable: if the server fails, or the user may not create databases.
        """
        address = self.engine.url
        if address.get_backend_name() == "sqlite":
            return
        # One is always there to connect to; and CREATE DATABASE wants no transaction around it.
        server = self._make_engine(address.set(database="postgres")).execution_options(isolation_level="AUTOCOMMIT")
        try:
            with self._translated_errors(), server.connect() as connection:
                name = address.database or ""
                there = sqlalchemy.text("SELECT 1 FROM pg_database WHERE datname = :name")
                if connection.scalar(there, {"name": name}) is None:
                    quoted = connection.dialect.identifier_preparer.quote(name)
                    # Names in every script are recorded; the server's default may know none but English.
                    how = "TEMPLATE template0 ENCODING 'UTF8'"
                    connection.execute(sqlalchemy.text(f"CREATE DATABASE {quoted} {how}"))
        finally:
            server.dispose()

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the tables to this version; return the revision before and after.

        :raises CatalogUnavailable: if the database fails; PostgreSQL and SQLite then keep the old tables.
        """
        with self._translated_errors():
            self._prepare_file()
            with self._migrating() as connection:
                before = _revision(connection)
                from ao_workflows.catalog.migrating import migrate  # noqa: PLC0415  # Alembic, as below

                migrate(connection)
                after = _revision(connection)
        return before, str(after)

    @contextmanager
    def _migrating(self) -> Iterator[Connection]:
        """Open a transaction in which tables may be changed.

        SQLite changes a table by making it anew. When the old one goes, it would take that for the removal of its
        rows, and refuse it where others refer to them; so it looks at references once, at the end.
        """
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            if not isinstance(driver, sqlite3.Connection):
                with connection.begin():
                    yield connection
                return
            driver.execute("PRAGMA foreign_keys = OFF")  # which has no effect once a transaction has begun
            try:
                with connection.begin():
                    yield connection
                    if broken := driver.execute("PRAGMA foreign_key_check").fetchall():
                        raise sqlite3.IntegrityError(f"rows of {broken[0][0]} refer to rows that are not there")
            finally:
                driver.execute("PRAGMA foreign_keys = ON")

    def revision(self) -> str | None:
        """Return the revision of the tables, ``None`` if there are none.

        :raises CatalogUnavailable: if the database cannot be reached.
        """
        file = self._file()
        if file is not None and not Path(file).exists():
            return None  # looking must not create an empty database
        engine = self.engine.execution_options(**{_READ_ONLY_OPTION: True})
        with self._translated_errors(), engine.connect() as connection:
            return _revision(connection)

    def check(self) -> None:
        """Make sure that the database answers and its tables are those of this version.

        :raises CatalogUnavailable: if it cannot be reached. :raises CatalogNotMigrated: if its tables are others.
        """
        found = self.revision()
        if found is None:
            raise CatalogNotMigrated(f"The catalog {self.name} has no tables yet.", action="Run `ao db upgrade`.")
        if found != (expected := head_revision()):
            raise CatalogNotMigrated(
                f"The catalog {self.name} is at revision {found}; this version of ao needs {expected}.",
                action="Run `ao db upgrade` (or install the version of ao that made it, if that is newer).",
            )

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _file(self) -> str | None:
        """Return the file of a SQLite catalog; the address may also be a ``file:`` URI, which only SQLite reads."""
        url = self.engine.url
        return url.database if url.get_backend_name() == "sqlite" and "uri" not in url.query else None

    def _prepare_file(self) -> None:
        """Make a SQLite catalog's folder, and let its readers and its writer not wait for each other (WAL)."""
        file = self._file()
        if file is None:
            return
        folder = Path(file).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogUnavailable(
                f"{folder}: {error.strerror}.", action="Give this user a folder for the catalog that it can write."
            ) from error
        with closing(sqlite3.connect(file, timeout=self._busy_timeout)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")

    def _make_engine(self, address: sqlalchemy.URL) -> Engine:
        if address.get_backend_name() != "sqlite":
            # Times come back in the session's zone; near the ends of the calendar, other zones than UTC fall off it.
            return sqlalchemy.create_engine(address, pool_pre_ping=True, connect_args={"options": "-c timezone=UTC"})
        engine = sqlalchemy.create_engine(address, connect_args={"timeout": self._busy_timeout})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._translate(str(error.orig)) from error
        except sqlite3.Error as error:
            raise self._translate(str(error)) from error

    def _translate(self, reason: str) -> CatalogUnavailable:
        text = reason.strip().partition("\n")[0]
        if "database is locked" in text:
            return CatalogUnavailable(
                f"The catalog {self.name} is locked: another process has been writing for {self._busy_timeout:g} s.",
                action="It is tried again; if it stays, find that process (`fuser` on the file) or use PostgreSQL.",
                code="catalog-locked",
            )
        if "readonly database" in text or "read-only" in text:
            return CatalogUnavailable(
                f"The catalog {self.name} cannot be written: {text}.",
                action="Check the owner and mode of the file and its folder, and that the disk is not read-only.",
                code="catalog-read-only",
            )
        return CatalogUnavailable(
            f"The catalog {self.name} failed: {text}.", action="Check it with `ao db check` and `ao doctor`."
        )


def _revision(connection: Connection) -> str | None:
    # Alembic's own look at its table writes two lines to the log each time.
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sqlalchemy.text("SELECT version_num FROM alembic_version"))
    return found


def head_revision() -> str:
    """Return the revision of the tables that this version of the program needs.

    The file of a migration begins with its revision, and the last one counts: Alembic, which reads them all to find
    that out, takes longer to load than most commands take.
    """
    return max(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    del record
    # Transactions are begun by _begin_sqlite, not by the driver's own guess at the first write.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    # FULL: what is committed survives a power cut. A queue message is deleted on the strength of it.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: two writers queue up instead of failing at their first write.
    reading = connection.get_execution_options().get(_READ_ONLY_OPTION, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
