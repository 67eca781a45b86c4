"""The scratch folder: where a delivery's works live until they are in the archive."""

import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from ao_workflows.errors import AoError, SystemFailed
from ao_workflows.inventory import read_inventory
from ao_workflows.log import get_logger

# Nothing but the catalog's own numbers, which have at most 18 digits to the end of time.
_FOLDER = re.compile(r"\.delivery-([0-9]{1,18})", re.ASCII)
_TRASH = ".trash-"

log = get_logger(__name__)


def delivery_folder(scratch: Path, delivery_id: int) -> Path:
    """Return the hidden folder in which the delivery's works are unpacked: ``{scratch}/.delivery-7/W22084``."""
    return scratch / f".delivery-{delivery_id}"


def inventory_file(folder: Path, rid: str) -> Path:
    """Return where the inventory that unbagging made of a work is kept until the work is archived."""
    return folder / f"{rid}.inventory.jsonl"


def is_whole(folder: Path, rid: str) -> bool:
    """Tell whether a work's files are all there, by name and size; the archive stage compares their content."""
    try:
        records = read_inventory(inventory_file(folder, rid))
        return all(os.lstat(folder / rid / record.path).st_size == record.size for record in records)
    except (OSError, AoError):
        return False


def forget(folder: Path, rid: str) -> None:
    """Let a work count as not unbagged, so that the next attempt fetches it anew."""
    inventory_file(folder, rid).unlink(missing_ok=True)


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
    try:
        names = os.listdir(scratch)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _failed(scratch, error) from error
    found = (_FOLDER.fullmatch(name) for name in names)
    return sorted(int(match[1]) for match in found if match)


def free_scratch(scratch: Path, deliveries: Iterable[int]) -> None:
    """Remove the folders of deliveries that are closed. What cannot be removed is told and left for the next time."""
    for delivery_id in deliveries:
        discard(scratch, delivery_folder(scratch, delivery_id))


def discard(scratch: Path, folder: Path) -> None:
    """Remove ``folder``, which lies on the scratch disk.

    It loses its name first: killed in the middle, what is left of it is never taken for a whole one.
    """
    trash = scratch / f"{_TRASH}{secrets.token_hex(8)}"
    try:
        folder.rename(trash)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("scratch not freed", folder=str(folder), error=str(error))
        return
    empty_trash(scratch)


def empty_trash(scratch: Path) -> None:
    """Remove what :func:`discard` has taken the name of, also when it was killed or the disk failed then."""
    for trash in scratch.glob(f"{_TRASH}*"):
        try:
            shutil.rmtree(trash)
        except FileNotFoundError:
            continue  # another process was quicker
        except OSError as error:
            log.warning("scratch not freed", folder=str(trash), error=str(error))


def _failed(path: Path, error: OSError) -> SystemFailed:
    return SystemFailed(
        f"{path}: {error.strerror or error}.",
        action="Check that the scratch folder exists, is mounted and can be written by this user.",
        code="scratch-failed",
    )
