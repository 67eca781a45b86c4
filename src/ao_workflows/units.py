"""Sizes and spans of time as people read them."""

_SIZE_STEP = 1000
_TENTHS_BELOW = 10
_SIZE_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def size_text(size: int) -> str:
    """Return a number of bytes for people, in decimal units with three digits: ``17.3 GB``, ``512 bytes``."""
    value, unit = float(size), 0
    # 999.5 would be printed as "1000"; the next unit says it better.
    while abs(value) >= _SIZE_STEP - 0.5 and unit < len(_SIZE_UNITS) - 1:
        value /= _SIZE_STEP
        unit += 1
    if unit == 0:
        return f"{size} byte" if abs(size) == 1 else f"{size} bytes"
    return f"{value:.3g} {_SIZE_UNITS[unit]}"


def duration_text(seconds: float) -> str:
    """Return a span of time for people: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if round(seconds, 1) < _TENTHS_BELOW:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
