"""What every test gets: the shared fixture library, and an environment that points at nothing real."""

pytest_plugins = [
    "fixtures.environment",
    "fixtures.catalog",
    "fixtures.aws",
    "fixtures.faults",
    "fixtures.freezing",
    "fixtures.house",
    "fixtures.postgres",
    "fixtures.site",
]
