"""What every stage works with: the settings, the catalog, and the ways to queues and buckets."""

from dataclasses import dataclass, field
from datetime import timedelta

from ao_workflows.access import Connections, aws_access
from ao_workflows.catalog import Catalog, RetryPolicy
from ao_workflows.glacier import Queue
from ao_workflows.settings import AwsSettings, QueueSettings, Settings
from ao_workflows.staging.opened_catalog import open_catalog
from ao_workflows.storage import AwsAccess, S3Store


@dataclass(frozen=True, slots=True)
class Process:
    """One process's view of the house."""

    settings: Settings
    catalog: Catalog
    connections: Connections | None = None
    # Making a client costs a tenth of a second, and a process may ask for the same one for weeks.
    _queues: dict[QueueSettings, Queue] = field(default_factory=dict, repr=False)
    _buckets: dict[tuple[str, str], S3Store] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, settings: Settings, *, connections: Connections | None = None) -> "Process":
        """Open the catalog that ``settings`` name, and make sure that its tables are those of this version.

        :param connections: returns the keys of an Airflow connection, where there is an Airflow.

        :raises CatalogUnavailable: if it cannot be reached. :raises CatalogNotMigrated: if its tables are others.
        """
        catalog = open_catalog(settings)
        catalog.check()
        return cls(settings, catalog, connections)

    @property
    def lease(self) -> timedelta:
        """For how long a claim holds without a sign of life."""
        return timedelta(minutes=self.settings.process.lease_minutes)

    @property
    def retry_policy(self) -> RetryPolicy:
        """When what stopped is looked at again."""
        process = self.settings.process
        return RetryPolicy(
            first=timedelta(seconds=process.retry_seconds),
            longest=timedelta(seconds=process.retry_seconds_max),
            wait=timedelta(seconds=process.wait_seconds),
            restore_check=timedelta(seconds=process.restore_check_seconds),
            max_attempts=process.max_attempts,
        )

    def queue(self, settings: QueueSettings) -> Queue:
        """Return the queue. :raises QueueFailed: if it is missing or cannot be reached."""
        if settings not in self._queues:
            self._queues[settings] = Queue(self.aws_access(settings).sqs(), settings.name)
        return self._queues[settings]

    def bucket(self, name: str, *, queue: str = "") -> S3Store:
        """Return the bucket, reached in the same way as the queue that announced its object."""
        if (name, queue) not in self._buckets:
            announcers = (candidate for candidate in self.settings.intake.queues if candidate.name == queue)
            own = next(announcers, self.settings.aws)
            self._buckets[name, queue] = S3Store(self.aws_access(own).s3(), name)
        return self._buckets[name, queue]

    def aws_access(self, own: AwsSettings) -> AwsAccess:
        """Return how to reach AWS by ``own`` settings, what they leave out taken from ``[aws]``."""
        return aws_access(self.settings, own, self.connections)
