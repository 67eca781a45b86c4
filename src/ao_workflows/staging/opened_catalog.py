"""The catalog that the settings name."""

from ao_workflows.catalog import Catalog
from ao_workflows.settings import Settings


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog that ``settings`` name, whatever state its tables are in."""
    password = settings.catalog.password
    return Catalog(
        settings.catalog_url,
        password=password.get_secret_value() if password else None,
        busy_timeout=settings.catalog.busy_timeout_seconds,
    )
