"""What is done with a work: where it goes and what may be replaced there; by its makers, the site or a person.

The first of these that is there says it, whole: the work's own ``config/sync.yml``, the site's, the one that is built
in. The command line is stronger.
"""

import grp
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ao_workflows.archive import AS_MADE, Access, SyncOptions, WebOptions
from ao_workflows.errors import UsageError
from ao_workflows.explained import Explained
from ao_workflows.settings import Settings
from ao_workflows.works.sync_config import AuditOptions, SyncConfig, read_site_sync_config, read_sync_config

SITE_CONFIG = Path("~/.config/bdrc/site-sync.yml")
"""Where the site's file is, unless the settings name another."""

_KEYS = ("archive", "web", "replace_archive", "replace_web", "update_web")
_OF_THE_WORK = "the work's config/sync.yml"
BUILT_IN = "built in"
_COMMAND_LINE = "the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What is done with one work.

    :param archive: it goes into the archive file system, and ``web``: its images go to where readers get them.
    :param replace_archive: what the archive has of it and it does not have is removed there.
    :param replace_web: the same on the web. Neither touches the other target.
    :param update_web: images that the web has with other content are sent. ``update_web: false`` in a file holds
        whatever ``replace`` in it says; only a person who asks for ``replace_web`` overrides it.
    :param audit: options of its audits, as in ``sync.yml``.
    :param explained: each of these, with what decided it.
    """

    archive: bool
    web: bool
    replace_archive: bool
    replace_web: bool
    update_web: bool
    audit: AuditOptions
    explained: tuple[Explained, ...]

    def origin_of(self, key: str) -> str:
        """Return what decided one of them."""
        (origin,) = (each.origin for each in self.explained if each.key == key)
        return origin


def plan_sync(
    settings: Settings,
    work: Path,
    *,
    archive: bool | None = None,
    web: bool | None = None,
    replace_archive: bool = False,
    replace_web: bool = False,
) -> SyncPlan:
    """Return what is done with the work in the folder ``work``.

    :param archive: what the command line says of that target; ``None`` for nothing. So for ``web``.
    :param replace_archive: whether the command line asks for it. So for ``replace_web``.
    :raises ContentRejected: (``sync-config-invalid``) if the work's own file is wrong.
    :raises UsageError: (``config-invalid``, ``config-missing``) if the site's file is.
    """
    config, place = _config_of(settings, work)
    said = config.sync
    origins = dict.fromkeys(_KEYS, BUILT_IN)
    for key in said.model_fields_set:
        for each in ("replace_archive", "replace_web") if key == "replace" else (key,):
            origins[each] = place
    to_archive = said.archive if archive is None else archive
    to_web = said.web if web is None else web
    if web is None and to_web and settings.web.target is None:
        to_web, origins["web"] = False, "the settings: [web] has no target"
    may_replace = said.replace
    if may_replace and place == _OF_THE_WORK and not settings.sync.replace:
        may_replace = False
        origins |= dict.fromkeys(("replace_archive", "replace_web"), "the settings: [sync] replace is false")
    origins |= {key: _COMMAND_LINE for key, value in (("archive", archive), ("web", web)) if value is not None}
    asked = {"replace_archive": replace_archive, "replace_web": replace_web}
    origins |= {key: _COMMAND_LINE for key, value in asked.items() if value}
    values = {
        "archive": to_archive,
        "web": to_web,
        "replace_archive": to_archive and (replace_archive or may_replace),
        "replace_web": to_web and (replace_web or may_replace),
    }
    # Who asks for the whole tree to be replaced wants what is in it updated.
    values["update_web"] = said.update_web or (to_web and replace_web)
    if to_web and replace_web:
        origins["update_web"] = _COMMAND_LINE
    return SyncPlan(
        **values,
        audit=config.audit,
        explained=tuple(Explained(key, "yes" if values[key] else "no", origins[key]) for key in _KEYS),
    )


def not_wanted(plan: SyncPlan, target: str) -> dict[str, Any]:
    """Return what goes on record of a stage whose target is not wanted: that, and who says so."""
    return {target: "no", "because_of": plan.origin_of(target)}


def archive_options(settings: Settings, plan: SyncPlan, *, link: bool, checksum: bool) -> SyncOptions:
    """Return how a work is put into the archive.

    :param link: whether nobody else writes to the work any more, so that its files may become the archive's.
    :param checksum: whether all that the archive has of it is read.
    :raises UsageError: (``config-invalid``) if the group that the settings name is none.
    """
    archive = settings.archive
    return SyncOptions(
        verify=archive.verify,
        checksum=checksum,
        replace=plan.replace_archive,
        link=link and archive.link,
        keep_replaced_days=archive.keep_replaced_days,
        at_once=archive.max_syncs,
        access=archive_access(settings),
    )


def archive_access(settings: Settings) -> Access:
    """Return who may use what is written into the archive.

    :raises UsageError: (``config-invalid``) if the group that the settings name is none.
    """
    archive = settings.archive
    return Access(_mode(archive.file_mode), _mode(archive.folder_mode), group_number(archive.group))


def web_options(settings: Settings, plan: SyncPlan, *, prefix: str, is_recorded: bool = False) -> WebOptions:
    """Return how the images of a work are published.

    :param prefix: what all keys begin with.
    :param is_recorded: whether the archive keeps a record of what was sent.
    :raises UsageError: (``config-invalid``) if so, and the group that the settings name is none.
    """
    return WebOptions(
        prefix=prefix,
        replace=plan.replace_web,
        update=plan.update_web,
        at_once=settings.web.uploads,
        iiif_base=settings.web.base_url if settings.web.iiif else None,
        access=archive_access(settings) if is_recorded else AS_MADE,
    )


def site_config(settings: Settings) -> tuple[SyncConfig, str]:
    """Return what is said of works that say nothing, and where.

    :raises UsageError: (``config-invalid``, ``config-missing``) if the site's file is wrong, or not there.
    """
    if settings.sync.config is not None:
        return read_site_sync_config(settings.sync.config), str(settings.sync.config)
    usual = SITE_CONFIG.expanduser()
    if usual.is_file():
        return read_site_sync_config(usual), str(usual)
    return SyncConfig(), BUILT_IN


def _config_of(settings: Settings, work: Path) -> tuple[SyncConfig, str]:
    own = read_sync_config(work)
    if own is None:
        return site_config(settings)
    if not settings.audit.work_options:
        own = own.model_copy(update={"audit": site_config(settings)[0].audit})
    return own, _OF_THE_WORK


def _mode(text: str | None) -> int | None:
    return None if text is None else int(text, 8)


def group_number(name: str | None) -> int | None:
    """Return the number of a group, given by name or number. :raises UsageError: if there is no such group."""
    if name is None or name.isdecimal():
        return None if name is None else int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise UsageError(
            f"There is no group {name!r} on this machine.",
            action="Correct archive.group, or write its number; in a container, groups have no other names.",
            code="config-invalid",
        ) from error
