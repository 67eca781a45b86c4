"""The profile ``dev`` of the platform: the AWS stand-in in a container of its own, with the sample deliveries.

While it serves, a settings file beside it tells the platform's tasks where it is; when it ends, the file is gone.
"""

import signal
from pathlib import Path

from rich.console import Console

from ao_workflows.demo.extras import require_extras
from ao_workflows.demo.job import deliver_samples
from ao_workflows.demo.live import live_place
from ao_workflows.demo.place import BUCKET, QUEUE
from ao_workflows.demo.samples import make_samples
from ao_workflows.demo.standin import AwsStandIn

SETTINGS = "ao.toml"
PORT = 5000
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104  # inside a container, whose ports nobody publishes


def serve_platform(folder: Path, *, drop_folder: Path, host: str, console: Console) -> None:
    """Serve until a signal ends this process.

    :param folder: shared with the tasks, which read the settings file in it.
    :param drop_folder: that of the platform. :param host: the name by which the tasks reach this machine.
    :raises AoError: if a part does not start.
    """
    require_extras("bagit", "moto", "PIL")
    place = live_place(folder)
    place.root.mkdir(parents=True, exist_ok=True)
    settings = folder / SETTINGS
    settings.unlink(missing_ok=True)  # of one that was killed
    with AwsStandIn(place.standin, address=ALL_ADDRESSES, port=PORT) as aws:
        try:
            deliver_samples(aws, make_samples(place.samples), drop_folder=drop_folder, console=console)
            access = aws.access
            _write(
                settings,
                f"""\
[aws]
endpoint_url = "http://{host}:{PORT}"
region = "{access.region}"
profile = "{access.profile}"
credentials_file = "{access.credentials_file}"

[intake]
settle_seconds = 5

[[intake.queues]]
name = "{QUEUE}"
""",
            )
            console.print(f"The stand-in serves s3://{BUCKET} at http://{host}:{PORT}.", markup=False)
            signal.pause()
        finally:
            settings.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Write a file that is whole from its first moment: others may be reading."""
    unfinished = path.with_suffix(".partial")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
