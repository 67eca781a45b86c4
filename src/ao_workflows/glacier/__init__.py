"""S3 Glacier's side of the job: what its events say, and the queues that carry them."""

from ao_workflows.glacier.events import Announcements, ObjectEvent, parse_message
from ao_workflows.glacier.queue import Queue, QueueFailed, QueueMessage

__all__ = [
    "Announcements",
    "ObjectEvent",
    "Queue",
    "QueueFailed",
    "QueueMessage",
    "parse_message",
]
