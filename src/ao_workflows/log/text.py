"""Text from outside, made safe to be shown."""


def visible(text: str) -> str:
    """Return ``text`` safe for a terminal.

    Names from outside may hold anything: what cannot be printed (escape sequences, line breaks, characters that turn
    the direction of writing, bytes that are no UTF-8) is escaped.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
