"""Turns: what must be done by one transaction at a time, on SQLite and PostgreSQL alike."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from ao_workflows.catalog.database import now
from ao_workflows.catalog.models import Turn


def take_turn(session: Session, name: str) -> None:
    """Wait until no other transaction holds the turn ``name``, and hold it until this transaction ends."""
    session.execute(update(Turn).where(Turn.name == name).values(taken_at=now()))
