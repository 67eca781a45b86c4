"""A group of commands of which only the one that is called is imported: the others cost time and memory."""

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group


class LazyGroup(TyperGroup):
    """A group whose commands are in modules that are named in :attr:`places`."""

    places: ClassVar[Mapping[str, str]] = {}
    """By the command's name, ``module:name``: of a :class:`typer.Typer`, or of a function that is the command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """See the base class, which takes the names to suggest for a wrong one from here."""
        self.commands = dict.fromkeys(self.places)  # type: ignore[assignment]  # only the names are looked at
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return list(self.places)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, imported now; ``None`` if there is none of that name."""
        del ctx
        if cmd_name not in self.places:
            return None
        module, _, name = self.places[cmd_name].partition(":")
        found = getattr(importlib.import_module(module), name)
        if isinstance(found, typer.Typer):
            command: Any = get_group(found)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(cmd_name)(found)
            command = get_command(alone)
        command.name = cmd_name
        return command


def commands_in(command: Any) -> dict[str, Any]:
    """Return the commands of a group by their names, all imported; of a command that is no group, none."""
    if not isinstance(command, TyperGroup):
        return {}
    context = typer.Context(command)
    return {name: command.get_command(context, name) for name in command.list_commands(context)}


def lazy_group(places: Mapping[str, str]) -> type[LazyGroup]:
    """Return a group of the commands in ``places``."""
    return type("Commands", (LazyGroup,), {"places": places})
