"""Opening a delivery's object, pinned to the content that was announced."""

from pathlib import Path

from ao_workflows.catalog import Delivery
from ao_workflows.errors import ContentRejected
from ao_workflows.staging.process import Process
from ao_workflows.storage import ObjectChanged, ObjectGone, ObjectNotRestored, Source, open_local_source


class Superseded(ContentRejected):
    """A newer content stands where the delivery's object was; archiving the older one now would undo the newer."""

    code = "superseded"


def open_delivery(process: Process, delivery: Delivery) -> Source:
    """Return the delivery's object as a source.

    :raises ObjectGone: if it is not there. :raises ObjectChanged: if another content is there now.
    :raises Superseded: if the bucket keeps it, but only as an older version.
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
    refuse_superseded(process, delivery)
    if not store.is_readable(delivery.object_key, version_id=delivery.version_id):
        raise ObjectNotRestored(
            f"the restore of {delivery.source} from {info.storage_class}",
            action="Request its restore if nobody has. The event of the restore wakes this delivery.",
        )
    return Source(delivery.source, store, info)


def refuse_superseded(process: Process, delivery: Delivery) -> None:
    """Make sure that no newer content stands where the delivery's object was. One that is gone is no newer one.

    Events come out of order, and a delivery may have waited long: what is newest, only the store itself knows.

    :raises Superseded: if another version or content is there. :raises StorageFailed: if the store does not say.
    """
    try:
        if delivery.kind == "drop":
            current = open_local_source(Path(delivery.object_key)).info
        else:
            current = process.bucket(delivery.bucket, queue=delivery.queue).stat(delivery.object_key)
    except ObjectGone:
        return
    found = current.version_id if delivery.version_id else current.etag
    if found != delivery.object_version and delivery.object_version:
        raise Superseded(
            f"{delivery.source} is not the newest content of its key any more.",
            action="Nothing to do: the newer content is a delivery of its own. To archive the older one all the same, "
            "deliver it under a key of its own.",
        )


def _replaced(delivery: Delivery) -> ObjectChanged:
    return ObjectChanged(
        f"{delivery.source} was replaced after this delivery was announced.",
        action="Nothing to do: the new content is a delivery of its own.",
    )
