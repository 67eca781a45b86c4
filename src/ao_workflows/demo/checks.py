"""What must be true at the end of the demo; it says so itself when it is not."""

import gzip
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ao_workflows.catalog import WorkRow
from ao_workflows.demo.place import DemoPlace
from ao_workflows.demo.samples import SampleDelivery, Samples, SampleWork
from ao_workflows.works import archive_path, group_of_path, web_image_key


def unmet_expectations(
    place: DemoPlace,
    samples: Samples,
    rows: Sequence[WorkRow],
    *,
    queues: Mapping[str, int],
    kept_objects: Collection[str],
) -> list[str]:
    """Return, in words, everything that is not as it must be at the end of the demo; nothing when all is well.

    :param rows: the catalog's works. :param queues: messages left in each queue.
    :param kept_objects: the keys that are still in the bucket.
    """
    return [
        *(f"{count} messages are left in the queue {queue}." for queue, count in queues.items() if count),
        *(problem for delivery in samples.deliveries for problem in _delivery(place, delivery, rows, kept_objects)),
    ]


def _delivery(
    place: DemoPlace, delivery: SampleDelivery, rows: Sequence[WorkRow], kept_objects: Collection[str]
) -> Iterator[str]:
    state = "rejected" if delivery.damage else "complete"
    if delivery.kind == "s3" and delivery.key not in kept_objects:
        yield f"{delivery.key} is no longer in the bucket."
    for work in delivery.works:
        found = [row.state for row in rows if row.rid == work.rid]
        if found != [state]:
            yield f"{work.rid} is {' and '.join(found) or 'unknown'}, not {state}."
        folder = archive_path(place.archive, work.rid)
        if delivery.damage:
            if folder.exists():
                yield f"{folder} is there, though the delivery is damaged."
        else:
            yield from _files(folder, work)
            yield from _web(place.web, work)


def _web(folder: Path, work: SampleWork) -> Iterator[str]:
    """Compare every image that readers get, and look for it in the manifest of its group."""
    for path, checksum in work.checksums.items():
        group, name = group_of_path(work.rid, path), path.rpartition("/")[2]
        if group and "images" in path.split("/")[:-1]:
            file = folder / web_image_key(work.rid, group, name)
            manifest = file.with_name("dimensions.json")
            if not file.is_file() or _sha512(file) != checksum:
                yield f"{file} is missing, or is not what was drawn."
            elif name not in [page["filename"] for page in json.loads(gzip.decompress(manifest.read_bytes()))]:
                yield f"{manifest} does not name {name}."


def _files(folder: Path, work: SampleWork) -> Iterator[str]:
    """Compare every file in the archive with the checksum that was taken when it was drawn."""
    for path, checksum in work.checksums.items():
        file = folder / path
        if not file.is_file():
            yield f"{file} is missing."
            continue
        if _sha512(file) != checksum:
            yield f"{file} is not what was drawn."


def _sha512(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").hexdigest()
