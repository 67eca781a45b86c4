"""Works to measure with; apart from the jobs, so that who needs no more than these loads no more."""

import os
from collections.abc import Mapping
from pathlib import Path

RID = "W22084"
GROUP = f"{RID}-0001"
BOTH_KINDS = {"images": "jpg", "archive": "tif"}


def make_work(folder: Path, files: int, size: int, kinds: Mapping[str, str] = BOTH_KINDS) -> None:
    """Make a work of ``files`` files of ``size`` bytes that no disk can compress or share."""
    for kind, suffix in kinds.items():
        group = folder / RID / kind / GROUP
        group.mkdir(parents=True)
        for number in range(1, files // len(kinds) + 1):
            (group / f"0001{number:04d}.{suffix}").write_bytes(os.urandom(size))


def files_of(work: Path) -> list[Path]:
    """Return the files of a work."""
    return sorted(path for path in work.rglob("*") if path.is_file())


def inventory_of(work: Path) -> Path:
    """Return where the inventory of a work is: beside it."""
    return work.with_name(f"{work.name}.inventory.jsonl")
