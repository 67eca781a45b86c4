"""The packages that only the demo needs: told apart from the core's, and asked for in words when one is missing."""

import importlib.util

from ao_workflows.errors import UsageError


def require_extras(*modules: str) -> None:
    """Check that ``modules`` can be imported, without importing them.

    :raises UsageError: naming those that cannot, and how to install them.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise UsageError(
            f"The demo needs {', '.join(missing)}, which this Python does not have.",
            action="Run `make demo`, which installs it, or install ao-workflows with its extra: `ao-workflows[demo]`.",
            code="demo-not-installed",
        )
