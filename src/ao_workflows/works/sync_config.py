"""``sync.yml``: what the makers of a work want to be done with it, or the site with all works that say nothing."""

import errno
import os
import stat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, StrictBool

from ao_workflows.errors import ContentRejected, SystemFailed, UsageError
from ao_workflows.yaml_document import MOST_BYTES, InvalidYaml, read_yaml

PLACE = "config/sync.yml"
"""Where it is, in the work."""


class InvalidSyncConfig(ContentRejected):
    """The file is there and does not say anything that could be done."""

    code = "sync-config-invalid"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class AuditOptions(_Table):
    """Options of the audit, each list as one would type them: ``["-T", "FileSequence"]``.

    :param pre: for the audit before the sync.
    :param post: for the audit of the archive copy.
    """

    pre: tuple[str, ...] = ()
    post: tuple[str, ...] = ()


class SyncTargets(_Table):
    """Where the work goes, and what may be replaced there."""

    archive: StrictBool = True
    web: StrictBool = True
    replace: StrictBool = False
    update_web: StrictBool = True


class SyncConfig(_Table):
    """All that the file can say; what it leaves out is as here."""

    audit: AuditOptions = AuditOptions()
    sync: SyncTargets = SyncTargets()


def read_sync_config(work: Path) -> SyncConfig | None:
    """Return what the work's ``config/sync.yml`` says, ``None`` if there is none.

    :raises InvalidSyncConfig: naming the line, if it is wrong, or is no regular file.
    :raises SystemFailed: if the disk does not give it.
    """
    path = work / PLACE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise invalid_sync_config("It is a link.") from error
        raise _unreadable(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise invalid_sync_config("It is no regular file.")
        return read_yaml(os.read(descriptor, MOST_BYTES + 1), SyncConfig)
    except InvalidYaml as error:
        raise invalid_sync_config(str(error)) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)


def read_site_sync_config(path: Path) -> SyncConfig:
    """Return what the site's own file says, for works that say nothing.

    :raises UsageError: (``config-missing``, ``config-invalid``) naming file and line.
    :raises SystemFailed: if the disk does not give it.
    """
    try:
        with path.open("rb") as file:
            return read_yaml(file.read(MOST_BYTES + 1), SyncConfig)
    except FileNotFoundError as error:
        raise UsageError(f"{path} is not there.", action="Correct its name.", code="config-missing") from error
    except InvalidYaml as error:
        raise UsageError(f"{path} is wrong. {error}", action="Correct the file.", code="config-invalid") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def invalid_sync_config(why: str) -> InvalidSyncConfig:
    """Return the error for a file of which ``why`` says in sentences what is wrong."""
    return InvalidSyncConfig(f"The work's {PLACE} is wrong. {why}", action="Correct it and deliver the work again.")


def _unreadable(path: Path, error: OSError) -> SystemFailed:
    return SystemFailed(
        f"{str(path)!r}: {error.strerror}.", action="Check the disk and the permissions.", code="config-unreadable"
    )
