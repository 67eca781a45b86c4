"""Bringing the catalog's tables from one version of the program to the next, by Alembic."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from ao_workflows.catalog.database import MIGRATIONS


def migrate(connection: Connection) -> None:
    """Make the tables those of the last migration, in the transaction of ``connection``."""
    config = migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def migrations() -> Config:
    """Return where Alembic finds the migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
