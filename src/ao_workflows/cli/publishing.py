"""The part of ``ao sync`` that sends images to the web."""

from pathlib import Path

from ao_workflows.access import web_target
from ao_workflows.archive import Progress
from ao_workflows.archive.web import PublishResult, publish
from ao_workflows.cli.output import progress_bytes
from ao_workflows.settings import Settings
from ao_workflows.staging.on_mount import on_mount
from ao_workflows.staging.sync_plan import SyncPlan, web_options
from ao_workflows.staging.volumes import bytes_of, look_at
from ao_workflows.storage import PretendingWebStore
from ao_workflows.works import Rid


class Publisher:
    """Sends the images of works to where the settings say.

    :raises AoError: if there is no such place.
    """

    def __init__(self, settings: Settings, plan: SyncPlan) -> None:
        self._settings = settings
        self._target = web_target(settings, settings.web.target or "")
        self._plan = plan

    def __call__(self, rid: Rid, work: Path, *, copy: Path | None, dry_run: bool) -> PublishResult:
        """Send the images of the work ``rid``, and show how that gets on.

        :param work: its folder. :param copy: its archive copy, which is what is sent if there is one.
        :param dry_run: only find out what would be sent.
        """
        target, source = self._target, copy or work
        mount = copy.parents[1] if copy else None
        options = web_options(self._settings, self._plan, prefix=target.prefix, is_recorded=copy is not None)

        def send(progress: Progress) -> PublishResult:
            with looked_at.kept():
                return publish(
                    rid,
                    looked_at.volumes,
                    PretendingWebStore(target.store) if dry_run else target.store,
                    address=target.address_of(rid),
                    options=options,
                    record=source / "sync-inventory" / f"{rid}.web.jsonl" if copy else None,
                    progress=progress,
                )

        looked_at = on_mount(self._settings, mount, lambda progress: look_at(source, rid, mount, progress=progress))
        with progress_bytes(f"{rid} → web", bytes_of(looked_at.volumes)) as progress:
            return on_mount(self._settings, mount, send, progress=progress)
