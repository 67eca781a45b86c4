"""The history: what happened, appended and never changed. Its rows map to PREMIS events."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ao_workflows.catalog.database import now
from ao_workflows.catalog.models import Event


def add_event(
    session: Session,
    *,
    type_: str,
    outcome: str = "",
    delivery_id: int | None = None,
    work_id: int | None = None,
    detail: dict[str, Any] | None = None,
    actor: str = "ao",
    at: datetime | None = None,
) -> None:
    """Append to the history."""
    session.add(
        Event(
            at=at or now(),
            delivery_id=delivery_id,
            work_id=work_id,
            actor=actor,
            type=type_,
            outcome=outcome,
            detail=detail or {},
        )
    )
