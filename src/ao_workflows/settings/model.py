"""Every setting there is, with its type, unit, default and meaning; the reference in the docs is made from this."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from ao_workflows.errors import UsageError

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def expand_home(path: Path) -> Path:
    """Return ``path`` with ``~`` expanded. :raises UsageError: if there is no such home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise UsageError(
            f"The home folder in {path} cannot be found: this user has none.",
            action="Write the path in full (for home: AO_HOME, or home in ao.toml).",
            code="config-invalid",
        ) from error


def _checked_place(value: object) -> object:
    # An empty path would mean the folder in which the program happens to be started.
    if value == "":
        raise ValueError("an empty path names nothing; leave the setting out instead")
    return expand_home(Path(value)) if isinstance(value, str | Path) else value


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Place = Annotated[Path, BeforeValidator(_checked_place)]


class _Section(BaseModel):
    """A table of ``ao.toml``: an unknown key is an error, never ignored."""

    # What was given is not repeated in errors: it may be a secret in the wrong place.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AwsSettings(_Section):
    """How AWS is reached. What is left out comes from the usual AWS environment."""

    endpoint_url: str | None = None
    """Another server than AWS itself, such as a local stand-in."""
    region: str | None = None
    """The region, such as ``ap-northeast-2``."""
    profile: str | None = None
    """The section of the credentials file."""
    credentials_file: Place | None = None
    """An ini file of credentials by section. ``/run/secrets/aws`` is taken by itself when it is there."""
    airflow_connection: str | None = None
    """The id of an Airflow connection that holds the keys, in place of a credentials file; for Airflow's tasks only."""


class QueueSettings(AwsSettings):
    """One SQS queue that announces deliveries; what it leaves out is taken from ``[aws]``."""

    name: str
    """The queue's name, such as ``ManifestReadyToIntake``."""


# As SQLAlchemy reads an address: user:PASSWORD@host, where the password may hold anything; or a query with one.
_PASSWORD = re.compile(r"://[^:/@]*:.*@|[?&][^=&]*pass[^=&]*=", re.IGNORECASE)


class CatalogSettings(_Section):
    """The database that is the record of all work."""

    url: str | None = None
    """A SQLAlchemy address without password. Left out: SQLite in the ``home`` folder."""
    password: SecretStr | None = None
    """The database's password; best as the secret file ``ao_catalog__password``."""
    busy_timeout_seconds: Positive = 30
    """How long to wait for another process that is writing to a SQLite catalog."""

    @field_validator("url")
    @classmethod
    def _holds_no_password(cls, url: str | None) -> str | None:
        # An address is shown, logged and quoted in errors; a password in it would be, too.
        if url is not None and _PASSWORD.search(url):
            raise ValueError("it holds a password: set catalog.password, best in the secret file ao_catalog__password")
        return url


class IntakeSettings(_Section):
    """Where deliveries come from."""

    queues: tuple[QueueSettings, ...] = ()
    """The SQS queues to drain."""
    drop_folder: Place | None = None
    """A folder into which people put ``.zip`` files of works by hand."""
    settle_seconds: Annotated[int, Field(ge=0)] = 60
    """A dropped file is taken when nothing has touched it for so long, so that no half-copied file is."""


class ScratchSettings(_Section):
    """Where works in progress live."""

    folder: Place | None = None
    """Left out: ``scratch`` in the ``home`` folder. It needs room for the deliveries that are worked on at a time."""
    keep_free_bytes: Annotated[int, Field(ge=0)] = 1 << 30
    """Free space that no delivery may take, in bytes."""


def _not_ours(name: str) -> str:
    if name.upper().startswith("AO_") or not name or "=" in name:
        raise ValueError("it has to be the name of a variable, and none of ours (AO_…), which may be secret")
    return name


class SyncSettings(_Section):
    """What is done with a work that says nothing of it itself, and who puts works into the archive."""

    config: Place | None = None
    """The site's ``sync.yml``, for works without one. Left out: ``~/.config/bdrc/site-sync.yml``, if it is there."""
    backend: Literal["builtin", "command"] = "builtin"
    """``command`` lets the program that ``command`` names do it; the copy is read and compared afterwards."""
    command: Annotated[str, Field(min_length=1)] = "syncOneWork.sh"
    """The site's program: a path, or a name that is found on ``PATH``. It is started without a shell."""
    timeout_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1440
    """After so long, a program of the site (also that of ``audit.command``) is ended, with all that it started."""
    log_folder: Place | None = None
    """Where ``sync-logs`` and ``audit-test-logs`` of the site's programs are made. Left out: the ``home`` folder."""
    rejected_exit_codes: tuple[Annotated[int, Field(ge=1, le=255)], ...] = ()
    """Exit codes by which ``command`` says that the content is bad. Others but 0 are failures of the system."""
    replace: bool = False
    """Whether ``replace: true`` in a work's ``config/sync.yml`` has files removed that the work has no more."""
    may_skip_litter: bool = False
    """Whether ``command`` may leave out files named ``.*``, ``~*``, ``#*``, ``*~`` and ``thumbs.db``."""
    prove_web: bool = True
    """Whether what ``command`` has put onto the web is proved; ``false`` where it publishes elsewhere or otherwise."""
    db_config: Annotated[str, Field(pattern=r"^[^:]+:.+$")] | None = None
    """What the site's programs get as ``DB_CONFIG``: a section and a file, such as ``prod:/run/secrets/db_apps``."""
    pass_environment: tuple[Annotated[str, AfterValidator(_not_ours)], ...] = ()
    """Names of further variables of the environment that the site's programs get, such as ``HTTPS_PROXY``."""


class ArchiveSettings(_Section):
    """The archive file system."""

    root: Place | None = None
    """The folder that holds the mounts ``Archive0`` … ``Archive3``."""
    marker: str | None = None
    """A file that each mount must hold, such as ``.ao-archive``; where it is missing, deliveries wait for the mount."""
    answer_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10
    """A mount that does not answer for so long is left, and the work waits; one that is slow and answers is not."""
    verify: Literal["reread", "written"] = "reread"
    """What proves a file before it gets its name: ``reread`` reads it back, ``written`` trusts what the disk says."""
    checksum: bool = True
    """Whether a delivery of a work that the archive has reads all of it, or trusts sizes, times and its record."""
    link: bool = True
    """Whether files that were unpacked on the archive's own file system become the archive's without being copied."""
    max_syncs: Positive = 2
    """Syncs that may write to one mount at the same time, over all processes and machines; others wait."""
    keep_replaced_days: Annotated[int, Field(ge=0)] = 0
    """For how many days replaced and removed versions of files are kept beside their work; 0 for not at all."""
    file_mode: Annotated[str, Field(pattern=r"^0?[0-7]{3}$")] | None = None
    """Permissions of archived files, such as ``0644``. Left out: what the process makes (its umask)."""
    folder_mode: Annotated[str, Field(pattern=r"^[0-7]?[0-7]{3}$")] | None = None
    """Permissions of archived folders, such as ``0755`` or ``2775``. Left out: what the process makes."""
    group: str | None = None
    """The group of archived files and folders, by name or number. Left out: what the file system gives."""


class WebSettings(AwsSettings):
    """Where readers get images from; how to reach a bucket, where that is left out, is taken from ``[aws]``."""

    target: str | None = None
    """``s3://bucket/prefix``, or a folder that is there. Left out: works are not published."""
    uploads: Annotated[int, Field(ge=1, le=256)] = 32
    """Images that are sent at the same time."""
    iiif: bool = False
    """Whether a IIIF Presentation 3 manifest of each work is published, as ``manifest.json`` beside ``images/``."""
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """The address under which readers find what ``target`` holds, its prefix included: ``{base_url}/Works/…``. A IIIF
    manifest needs it."""

    @model_validator(mode="after")
    def _has_what_iiif_needs(self) -> "WebSettings":
        if self.iiif and self.base_url is None:
            raise ValueError("iiif needs base_url: a manifest names every image by its address")
        return self


class AuditRules(_Section):
    """Which audit tests run and what is only a warning."""

    tests: tuple[str, ...] | None = None
    """Keys of the tests to run. Left out: all of them."""
    tests_off: tuple[str, ...] = ()
    """Keys of tests that do not run."""
    errors_as_warning: frozenset[int] = frozenset()
    """Error numbers that warn and do not fail the audit."""
    warnings_as_error: frozenset[int] = frozenset()
    """Error numbers that fail the audit although their test takes them for warnings."""
    maximum_image_file_size: Annotated[
        str, BeforeValidator(_number_as_text), Field(pattern=r"^[1-9][0-9]{0,14}[KMGkmg]?$")
    ] = "400K"
    """The most bytes that a web image may have; K, M and G stand for 1,024 bytes, and so on."""
    blank_page_ink: Share = 0.0005
    """A page is blank if no more than this share of its pixels is unlike its paper (0 to 1; edges do not count)."""
    size_outlier_ratio: Share = 0.6
    """An image is an outlier if its width or height is this share of what is usual in its group, or less; or so much
    larger."""
    majority_share: Share = 0.9
    """Colours or a resolution that this share of a group's images has are its rule, and others are outliers."""


class AuditProfile(AuditRules):
    """Rules for the works of one project, over those for all works; the first profile that fits a work is taken."""

    works: Annotated[tuple[str, ...], Field(min_length=1)]
    """The works, by RID; ``*`` stands for any characters: ``W1NLM*``."""


class AuditFile(AuditRules):
    """Which audit tests run and what is only a warning; ``audit.yml`` has these keys."""

    profiles: tuple[AuditProfile, ...] = ()
    """Rules for the works of single projects."""


class AuditSettings(AuditFile):
    """Which audit tests run and what is only a warning."""

    backend: Literal["builtin", "command"] = "builtin"
    """``command`` lets the program that ``command`` names audit works."""
    command: Annotated[str, Field(min_length=1)] = "audit-tool"
    """The site's program: a path, or a name that is found on ``PATH``. It is started without a shell."""
    config: Place | None = None
    """A file of audit rules, ``audit.yml`` or ``user.properties``; what it sets wins over this table."""
    reports: Place | None = None
    """The folder for the pages about audited works. Left out: ``audit-reports`` in the ``home`` folder."""
    archive_copy: bool = True
    """Whether the copy in the archive is audited, too: it also holds what earlier deliveries brought."""
    work_options: bool = True
    """Whether a work's own ``config/sync.yml`` may choose tests and properties (``audit.pre``, ``audit.post``). Its
    ``sync`` part counts all the same."""


class ProcessSettings(_Section):
    """How much is done at once and what happens when the system fails."""

    max_active: Positive = 4
    """Deliveries that are worked on at the same time, over all processes and machines."""
    lease_minutes: Positive = 120
    """A claim whose holder has been silent for so long is given to another."""
    max_attempts: Positive = 5
    """After so many attempts that ended in a system failure, a delivery waits for a person."""
    retry_seconds: Positive = 60
    """The pause after the first failed attempt; it doubles with each further one."""
    retry_seconds_max: Positive = 6 * 3600
    """The longest pause between two attempts."""
    wait_seconds: Positive = 300
    """How often a delivery that waits (for disk, for another sync) is looked at again."""
    restore_check_seconds: Positive = 3600
    """How often a delivery that waits for its restore is looked at again, in case the event was lost."""
    poll_seconds: Positive = 20
    """How long ``ao run`` rests when nothing is due."""


class LogSettings(_Section):
    """What the log looks like."""

    format: Literal["text", "json"] = "text"
    """``text`` for a person, ``json`` for a machine."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe line that is written."""


class Settings(_Section):
    """All settings. Sections are tables of ``ao.toml``, and ``AO_SECTION__KEY`` in the environment."""

    home: Place = Path("~/.local/share/ao-workflows")
    """Where the embedded defaults (catalog and scratch) live."""
    aws: AwsSettings = AwsSettings()
    catalog: CatalogSettings = CatalogSettings()
    intake: IntakeSettings = IntakeSettings()
    scratch: ScratchSettings = ScratchSettings()
    archive: ArchiveSettings = ArchiveSettings()
    sync: SyncSettings = SyncSettings()
    audit: AuditSettings = AuditSettings()
    web: WebSettings = WebSettings()
    process: ProcessSettings = ProcessSettings()
    log: LogSettings = LogSettings()

    @property
    def catalog_url(self) -> str:
        """The catalog's address: the one that is set, or SQLite in ``home``. Without password."""
        return self.catalog.url or f"sqlite:///{self._own_catalog}"

    @property
    def has_catalog(self) -> bool:
        """Whether somebody keeps a catalog: one is set, or there is one in ``home``."""
        return self.catalog.url is not None or self._own_catalog.is_file()

    @property
    def _own_catalog(self) -> Path:
        return expand_home(self.home).absolute() / "catalog.db"

    @property
    def scratch_folder(self) -> Path:
        """The folder for works in progress."""
        return (self.scratch.folder or expand_home(self.home) / "scratch").absolute()

    @property
    def reports_folder(self) -> Path:
        """The folder for the pages about audited works."""
        return (self.audit.reports or expand_home(self.home) / "audit-reports").absolute()

    @property
    def site_logs_folder(self) -> Path:
        """The folder below which the site's programs have the folders of their logs."""
        return (self.sync.log_folder or expand_home(self.home)).absolute()

    @property
    def drop_folder(self) -> Path | None:
        """The drop folder, if there is one."""
        folder = self.intake.drop_folder
        return folder.expanduser().absolute() if folder is not None else None

    @property
    def archive_root(self) -> Path:
        """The folder that holds the archive's mounts. :raises UsageError: if it is not set."""
        if self.archive.root is None:
            raise UsageError(
                "The archive's place is not set.",
                action="Set root in [archive] of ao.toml (or AO_ARCHIVE__ROOT) to the folder of Archive0 … Archive3.",
                code="archive-root-unset",
            )
        return self.archive.root.absolute()
