"""The settings: one typed, validated object, and where each of its values came from."""

from ao_workflows.settings.model import (
    ArchiveSettings,
    AuditFile,
    AuditProfile,
    AuditRules,
    AuditSettings,
    AwsSettings,
    CatalogSettings,
    IntakeSettings,
    LogSettings,
    ProcessSettings,
    QueueSettings,
    ScratchSettings,
    Settings,
    SyncSettings,
    WebSettings,
)
from ao_workflows.settings.sources import EffectiveValue, explain_settings, load_settings, settings_from_file

__all__ = [
    "ArchiveSettings",
    "AuditFile",
    "AuditProfile",
    "AuditRules",
    "AuditSettings",
    "AwsSettings",
    "CatalogSettings",
    "EffectiveValue",
    "IntakeSettings",
    "LogSettings",
    "ProcessSettings",
    "QueueSettings",
    "ScratchSettings",
    "Settings",
    "SyncSettings",
    "WebSettings",
    "explain_settings",
    "load_settings",
    "settings_from_file",
]
