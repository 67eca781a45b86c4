"""What is in force, and because of what: rules come from several places, of which one decides."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explained:
    """One rule in force, and the place that decided it."""

    key: str
    value: str
    origin: str

    def as_dict(self) -> dict[str, str]:
        """The rule as the command line prints it in JSON."""
        return {"key": self.key, "value": self.value, "origin": self.origin}
