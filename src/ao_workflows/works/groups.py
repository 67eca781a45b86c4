"""Image groups (volumes): how a catalogue id becomes a folder name, and how its images are named."""

import re

from ao_workflows.works.rid import Rid

_SHORT_ID = re.compile(r"I(\d{4})", re.ASCII)


def group_on_disk(rid: Rid, catalog_id: str) -> str:
    """Return the folder name of an image group on disk and in S3.

    A catalogue id of ``I`` and exactly four digits drops its ``I`` (``I0886`` → ``W22084-0886``);
    every other id is kept whole (``I1KG10195`` → ``W22084-I1KG10195``).
    """
    short = _SHORT_ID.fullmatch(catalog_id)
    return f"{rid}-{short[1] if short else catalog_id}"


def group_id(folder: str) -> str:
    """Return what follows the first ``-`` of an image group's folder name, or ``""`` if there is none."""
    return folder.partition("-")[2]


def group_of_path(rid: str, path: str) -> str:
    """Return the image group that a file of a work belongs to, in either layout, or ``""`` if it is in none.

    :param path: relative to the work, ``/`` between its parts.
    """
    folders = path.split("/")[:-1][:2]
    return next((name for name in folders if name.startswith(f"{rid}-")), "")


def image_name_pattern(folder: str) -> re.Pattern[str]:
    """Return the pattern that the image file names of the group ``folder`` have to match in full.

    The group id, optionally one ``-`` or ``_``, exactly four digits, a dot and an extension; case does not
    matter. ``I1KG20003.jpg`` is right in ``W1KG1-I1KG2``; ``W1KG1-I1KG2_0003.jpg`` is not.
    """
    return re.compile(rf"{re.escape(group_id(folder))}[-_]?[0-9]{{4}}\.[A-Z0-9]+", re.IGNORECASE | re.ASCII)
