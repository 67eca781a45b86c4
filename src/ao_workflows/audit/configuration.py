"""Which tests an audit of one work runs, and by which rules: gathered from everywhere, with the place each came from.

From the weakest to the strongest: what is built in; the ``[audit]`` table of the settings; the file of rules
(``audit.yml`` or ``user.properties``); the profile of the work's project; the work's own ``config/sync.yml``; the
command line. Of one key, the strongest is taken whole; a number that a stronger place makes a warning is no error any
more, and the other way round.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from ao_workflows.audit.options import read_options
from ao_workflows.audit.properties import AuditProperties, assigned, with_rules, written
from ao_workflows.audit.registry import audit_tests, select_tests
from ao_workflows.audit.rules_file import read_rules_file
from ao_workflows.errors import UsageError
from ao_workflows.explained import Explained
from ao_workflows.settings import AuditFile, AuditProfile, AuditRules, AuditSettings
from ao_workflows.works.sync_config import AuditOptions, invalid_sync_config, read_sync_config

Moment = Literal["pre", "post"]
"""Before the sync, or of the archive copy after it."""

BUILT_IN = "built in"
_RULES = tuple(key for key in AuditRules.model_fields if key not in {"tests", "tests_off"})


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place says.

    :param values: by key of :class:`~ao_workflows.settings.AuditRules`.
    """

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditConfiguration:
    """What an audit of one work does.

    :param tests: their keys, never none of them.
    :param explained: each test, on or off, and each rule, with what decided it.
    """

    tests: tuple[str, ...]
    properties: AuditProperties
    explained: tuple[Explained, ...]

    @property
    def options(self) -> tuple[str, ...]:
        """What somebody decided about it, as words of ``audit-tool``: ``-T`` with a test, ``-D`` with ``key=value``.

        What nobody decided is left to the program that gets them: it may have other tests.
        """
        decided = {each.key for each in self.explained if each.origin != BUILT_IN}
        tests = () if decided <= set(_RULES) else self.tests
        define = (written(key, getattr(self.properties, key)) for key in _RULES if key in decided)
        return (*(word for key in tests for word in ("-T", key)), *(word for text in define for word in ("-D", text)))


class AuditConfigurer:
    """Gathers the rules for one work after the other.

    :param config: a file of rules, in place of the one that the settings name.
    :param tests: keys that the command line names; empty for none.
    :param define: ``key=value`` of the command line.
    :raises UsageError: if the file, or what the command line says, is wrong.
    """

    def __init__(
        self,
        settings: AuditSettings,
        *,
        config: Path | None = None,
        tests: Sequence[str] = (),
        define: Iterable[str] = (),
    ) -> None:
        file = config or settings.config
        self._weak = [_layer(settings, "the settings, [audit]")]
        self._profiles = [(profile, "the settings") for profile in settings.profiles]
        if file is not None:
            rules = read_rules_file(file)
            self._weak.append(_layer(rules, str(file)))
            self._profiles = [(profile, str(file)) for profile in rules.profiles] + self._profiles
        said = assigned(define)
        if tests:
            said["tests"] = tuple(tests)
        self._strong = Layer("the command line", said)
        self._uses_work_options = settings.work_options
        for profile, origin in self._profiles:  # a mistake in one is told at once, not when its work comes
            _configuration([*self._weak, _layer(profile, origin), self._strong])
        _configuration([*self._weak, self._strong])

    def for_work(self, work: Path, moment: Moment = "pre") -> AuditConfiguration:
        """Return what an audit of the work in this folder does.

        :raises ContentRejected: (``sync-config-invalid``) if the work's own ``config/sync.yml`` is wrong.
        :raises UsageError: if no test would run.
        """
        layers = [*self._weak, *self._profile_of(work.name)]
        sync_config = read_sync_config(work) if self._uses_work_options else None
        if sync_config is not None:
            layers.append(_work_layer(sync_config.audit, moment, layers))
        return _configuration([*layers, self._strong])

    def _profile_of(self, rid: str) -> Iterator[Layer]:
        for profile, origin in self._profiles:
            pattern = next((pattern for pattern in profile.works if fnmatchcase(rid, pattern)), None)
            if pattern is not None:
                yield _layer(profile, f"{origin}, profile for {pattern}")
                return


def _layer(rules: AuditFile | AuditProfile, origin: str) -> Layer:
    said = rules.model_fields_set & AuditRules.model_fields.keys()
    return Layer(origin, {key: getattr(rules, key) for key in said})


def _work_layer(options: AuditOptions, moment: Moment, below: list[Layer]) -> Layer:
    """Return what the work itself wants. Its file may come from a stranger: a mistake in it is the work's."""
    key = f"audit.{moment}"
    try:
        tests, define = read_options(getattr(options, moment))
        values = assigned(define)
        if tests:
            values["tests"] = tuple(tests)
        layer = Layer(f"the work's config/sync.yml, {key}", values)
        _configuration([*below, layer])
    except UsageError as error:
        raise invalid_sync_config(f"{key}: {error.message}") from error
    return layer


def _configuration(layers: Sequence[Layer]) -> AuditConfiguration:
    properties, origins = AuditProperties(), dict.fromkeys(_RULES, BUILT_IN)
    on: dict[str, str] = dict.fromkeys(audit_tests(), BUILT_IN)
    off: dict[str, str] = {}
    for layer in layers:
        said = layer.values
        if said.get("tests") is not None:
            on = {test.key: layer.origin for test in select_tests(said["tests"])}
            off = dict.fromkeys(audit_tests().keys() - on, layer.origin)
        for test in select_tests(said.get("tests_off", ())):
            on.pop(test.key, None)
            off[test.key] = layer.origin
        properties = with_rules(properties, said)
        origins |= {key: layer.origin for key in _RULES if key in said}
    if not on:
        raise UsageError(
            "No audit test is left to run, and an audit of nothing passes nothing.",
            action=f"Leave one on; all were turned off by {', '.join(sorted(set(off.values())))}.",
        )
    return AuditConfiguration(tuple(on), properties, tuple(_explained(on, off, properties, origins)))


def _explained(
    on: Mapping[str, str], off: Mapping[str, str], properties: AuditProperties, origins: Mapping[str, str]
) -> Iterator[Explained]:
    for key in audit_tests():
        yield Explained(key, "on" if key in on else "off", on.get(key) or off[key])
    for key, origin in origins.items():
        value = getattr(properties, key)
        yield Explained(key, _text(value), origin)


def _text(value: frozenset[int] | float) -> str:
    if isinstance(value, frozenset):
        return ", ".join(map(str, sorted(value))) or "none"
    return f"{value} bytes" if isinstance(value, int) else f"{value:g}"
