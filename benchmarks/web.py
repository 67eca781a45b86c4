"""Publishing a work's images into a bucket, as a command."""

import sys
from pathlib import Path

from ao_workflows.archive import WebOptions
from ao_workflows.archive.web import PageImage, WebFile, WebVolume, publish
from ao_workflows.inventory import FileRecord, read_inventory
from ao_workflows.storage import AwsAccess, S3WebStore
from ao_workflows.works import parse_rid
from benchmarks.works import RID, inventory_of

AT_ONCE = 32


def send(work: Path, bucket: str, record: Path | None) -> None:
    """Publish the images. Their checksums are known, as those of an archive copy; what is in them nobody looks at."""
    groups: dict[str, list[WebFile]] = {}
    for known in read_inventory(inventory_of(work)):
        groups.setdefault((work / known.path).parent.name, []).append(_image(work, known))
    publish(
        parse_rid(RID),
        [WebVolume(name, tuple(files)) for name, files in groups.items()],
        S3WebStore(AwsAccess(), bucket),
        address=bucket,
        options=WebOptions(at_once=AT_ONCE),
        record=record,
    )


def _image(work: Path, known: FileRecord) -> WebFile:
    path = work / known.path
    page = PageImage(filename=path.name, format="JPEG", width=2000, height=3000, dpi=300, size=known.size)
    return WebFile(page, path, known.sha512)


if __name__ == "__main__":
    send(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if sys.argv[3:] else None)
