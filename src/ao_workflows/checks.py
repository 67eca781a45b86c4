"""One thing that was examined, what was found, and how to mend it: the rows of every report on a system's state."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was examined, what was found, and how to mend it."""

    name: str
    verdict: Verdict
    found: str
    action: str = ""

    def as_dict(self) -> dict[str, str]:
        """The check as JSON."""
        return {key: str(value) for key, value in asdict(self).items()}
