"""The demo's folder: what lies where in it, and the settings that point at it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.storage import AwsAccess
from ao_workflows.works import ARCHIVE_ROOTS

BUCKET = "manifest.demo"
QUEUE = "ManifestReadyToIntake"


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """A folder that holds everything the demo makes."""

    root: Path

    @property
    def config(self) -> Path:
        """The settings file; ``AO_CONFIG=.demo/ao.toml ao works list`` looks into a finished demo."""
        return self.root / "ao.toml"

    @property
    def archive(self) -> Path:
        """The folder of the archive's mounts."""
        return self.root / "mnt"

    @property
    def web(self) -> Path:
        """The folder that stands for the web: where readers get images."""
        return self.root / "web"

    @property
    def drop_folder(self) -> Path:
        """Where people drop zips."""
        return self.root / "drop"

    @property
    def samples(self) -> Path:
        """Where deliveries are drawn and packed."""
        return self.root / "samples"

    @property
    def standin(self) -> Path:
        """The AWS stand-in's folder."""
        return self.root / "aws"

    @property
    def airflow(self) -> Path:
        """Airflow's home."""
        return self.root / "airflow"

    def make_new(self) -> None:
        """Remove what an earlier demo left (caches stay) and make the empty folders. :raises OSError: if it cannot."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("mnt", "web", "drop", "samples", "aws", "airflow", "scratch"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        for pattern in ("catalog.db*", "report.json", "ao.toml", "*.log"):
            for file in self.root.glob(pattern):
                file.unlink()
        for mount in ARCHIVE_ROOTS:
            (self.archive / mount).mkdir(parents=True)
        for folder in (self.web, self.drop_folder, self.samples, self.airflow):
            folder.mkdir()

    def write_settings(self, access: AwsAccess) -> None:
        """Write the settings file, with the stand-in as AWS."""
        self.config.write_text(
            f"""\
home = "{self.root}"

[aws]
endpoint_url = "{access.endpoint_url}"
region = "{access.region}"
profile = "{access.profile}"
credentials_file = "{access.credentials_file}"

[archive]
root = "{self.archive}"

[web]
target = "{self.web}"

[intake]
drop_folder = "{self.drop_folder}"
settle_seconds = 0        # nobody else copies into this folder

[[intake.queues]]
name = "{QUEUE}"
""",
            encoding="utf-8",
        )
