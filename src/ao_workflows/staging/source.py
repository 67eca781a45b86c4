"""Opening a delivery's object, pinned to the content that was announced."""

from pathlib import Path

from ao_workflows.catalog import Delivery
from ao_workflows.staging.process import Process
from ao_workflows.storage import ObjectChanged, ObjectNotRestored, Source, open_local_source


def open_delivery(process: Process, delivery: Delivery) -> Source:
    """Return the delivery's object as a source.

    :raises ObjectGone: if it is not there. :raises ObjectChanged: if another content is there now.
    :raises ObjectNotRestored: if it is in Glacier without a restored copy.
    """
    if delivery.kind == "drop":
        source = open_local_source(Path(delivery.object_key))
        if source.info.etag != delivery.object_version:
            raise _replaced(delivery)
        return source
    store = process.bucket(delivery.bucket, queue=delivery.queue)
    info = store.stat(delivery.object_key, version_id=delivery.version_id)
    if delivery.version_id is None and delivery.etag and info.etag != delivery.etag:
        raise _replaced(delivery)
    if not store.is_readable(delivery.object_key, version_id=delivery.version_id):
        raise ObjectNotRestored(
            f"the restore of {delivery.source} from {info.storage_class}",
            action="Request its restore if nobody has. The event of the restore wakes this delivery.",
        )
    return Source(delivery.source, store, info)


def _replaced(delivery: Delivery) -> ObjectChanged:
    return ObjectChanged(
        f"{delivery.source} was replaced after this delivery was announced.",
        action="Nothing to do: the new content is a delivery of its own.",
    )
