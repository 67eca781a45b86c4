"""Audit tests that a site brings: classes that its own packages offer under the entry point group below."""

from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points

from ao_workflows.audit.contract import AuditTest
from ao_workflows.errors import SystemFailed

GROUP = "ao_workflows.audit_tests"
"""The entry point group; each entry point in it names a class that derives from :class:`AuditTest`."""

RESERVED = range(100, 200)
"""Error numbers of the tests that are built in, now or later."""


def site_tests(built_in: Sequence[AuditTest]) -> Iterator[AuditTest]:
    """Yield the tests of all installed packages, by the names of their entry points.

    :raises SystemFailed: (``audit-test-broken``) naming the package, if one cannot be used: a test that is installed
        and does not run would be a hole in every audit.
    """
    keys = {test.key for test in built_in}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda found: found.name):
        test = _load(entry_point)
        if test.key in keys:
            raise _broken(entry_point, f"there is another test {test.key} already")
        if not test.errors:
            raise _broken(entry_point, "it declares no error number, so it could find nothing")
        for number in sorted(test.errors):
            if number in RESERVED:
                raise _broken(entry_point, f"its error number {number} is kept for tests that are built in")
        keys.add(test.key)
        yield test


def _load(entry_point: EntryPoint) -> AuditTest:
    try:
        test = entry_point.load()()
    except Exception as error:  # anything can go wrong in a module of somebody else; the operator is told which
        raise _broken(entry_point, f"{type(error).__name__}: {error}") from error
    if not isinstance(test, AuditTest):
        raise _broken(entry_point, f"{entry_point.value} is no class that derives from AuditTest")
    return test


def _broken(entry_point: EntryPoint, why: str) -> SystemFailed:
    package = entry_point.dist.name if entry_point.dist else "an installed package"
    return SystemFailed(
        f"The audit test {entry_point.name!r} of {package} cannot be used: {why}.",
        action="Mend that package, or uninstall it.",
        code="audit-test-broken",
    )
