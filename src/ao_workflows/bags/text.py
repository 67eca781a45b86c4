"""How names that came from outside are shown to a person."""

import unicodedata

_READABLE = 300  # characters of a name in a message


def shown(name: str) -> str:
    """Return ``name`` fit for a terminal and a log: what cannot be printed becomes a backslash escape.

    Control characters, invisible ones that turn the direction of text, and bytes that are no text; spaces of all widths
    are part of real names and stay.
    """
    return name if name.isprintable() else "".join(map(_escaped, name))


def _escaped(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def quoted(name: str) -> str:
    """Return ``name`` in quotes, as :func:`shown`, cut to a readable length."""
    text = shown(name)
    return f'"{text}"' if len(text) <= _READABLE else f'"{text[:_READABLE]}…"'


def counted(number: int, noun: str) -> str:
    """Return ``number`` and ``noun``, with an ``s`` unless there is one: ``3 files``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
