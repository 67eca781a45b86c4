"""The scratch folder: where a delivery's works live until they are in the archive."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import structlog

from ao_workflows.errors import SystemFailed

_FOLDER = re.compile(r"\.delivery-([0-9]+)", re.ASCII)

log = structlog.get_logger(__name__)


def delivery_folder(scratch: Path, delivery_id: int) -> Path:
    """Return the hidden folder in which the delivery's works are unpacked: ``{scratch}/.delivery-7/W22084``."""
    return scratch / f".delivery-{delivery_id}"


def inventory_file(folder: Path, rid: str) -> Path:
    """Return where the inventory that unbagging made of a work is kept until the work is archived."""
    return folder / f"{rid}.inventory.jsonl"


def make_delivery_folder(scratch: Path, delivery_id: int) -> Path:
    """Create the delivery's folder if it is missing. :raises SystemFailed: if the disk does not let us."""
    folder = delivery_folder(scratch, delivery_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _failed(folder, error) from error
    return folder


def free_bytes(scratch: Path, *, keep: int) -> int:
    """Return the bytes that may be written to the scratch folder, ``keep`` bytes left over.

    :raises SystemFailed: if the disk does not answer.
    """
    try:
        return shutil.disk_usage(scratch).free - keep
    except OSError as error:
        raise _failed(scratch, error) from error


def used_bytes(folder: Path) -> int:
    """Return the size of all files below ``folder``; what vanishes meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue
    return total


def delivery_folders(scratch: Path) -> list[int]:
    """Return the deliveries that have a folder in scratch."""
    if not scratch.is_dir():
        return []
    found = (_FOLDER.fullmatch(child.name) for child in scratch.iterdir())
    return sorted(int(match[1]) for match in found if match)


def free_scratch(scratch: Path, deliveries: Iterable[int]) -> None:
    """Remove the folders of deliveries that are closed. What cannot be removed is told and left for the next time."""
    for delivery_id in deliveries:
        folder = delivery_folder(scratch, delivery_id)
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("scratch not freed", folder=str(folder), error=str(error))


def _failed(path: Path, error: OSError) -> SystemFailed:
    return SystemFailed(
        f"{path}: {error.strerror or error}.",
        action="Check that the scratch folder exists, is mounted and can be written by this user.",
        code="scratch-failed",
    )
