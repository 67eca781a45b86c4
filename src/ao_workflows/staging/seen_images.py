"""What the audit has found out about images, kept until they are published: nobody looks at a header twice."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from ao_workflows.audit.images import ImageFacts
from ao_workflows.errors import AoError
from ao_workflows.whole_file import whole_file

Seen = Mapping[tuple[str, str], ImageFacts]
"""What is known of each image, by the path of its group in the work and its name."""


def remember_images(folder: Path, work: Path, images: Mapping[Path, Sequence[ImageFacts]]) -> None:
    """Keep what was found out about the images of a work; what cannot be kept is found out again.

    :param folder: the delivery's folder in scratch.
    :param images: by the folders of their groups.
    """
    with suppress(AoError), whole_file(_file(folder, work.name), what="what is known of images") as file:
        for group, facts in images.items():
            for each in facts:
                file.write(json.dumps([group.relative_to(work).as_posix(), asdict(each)]) + "\n")


def seen_images(folder: Path, rid: str) -> Seen:
    """Return what was kept of a work's images; nothing if it is not there, or is not what was written."""
    try:
        lines = [json.loads(line) for line in _file(folder, rid).read_text("ascii").splitlines()]
        return {(group, each["name"]): ImageFacts(**each | {"dpi": _pair(each["dpi"])}) for group, each in lines}
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        return {}


def _pair(dpi: Sequence[int] | None) -> tuple[int, int] | None:
    return None if dpi is None else (dpi[0], dpi[1])


def _file(folder: Path, rid: str) -> Path:
    return folder / f"{rid}.images.jsonl"
