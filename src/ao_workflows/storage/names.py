"""How the names of files and objects are shown to a person."""


def shown(name: str) -> str:
    """Return ``name`` as it may stand in a message.

    Names come from strangers. One that holds anything but printable characters (an escape sequence, a line break,
    a character that turns the writing direction, a byte that is no UTF-8) is quoted, with those escaped.
    """
    return name if name.isprintable() else repr(name)
