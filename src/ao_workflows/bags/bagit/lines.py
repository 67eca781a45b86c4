"""Tag files as lines of text, read as they arrive."""

import io
import re
from collections.abc import Iterable, Iterator

MAX_LINE = 64 << 10
"""Characters of a line: longer than any path can be, short enough never to fill the memory."""

# Names of character sets; Python's other codecs are no text, or take forever on purposely made text.
_TEXT_CODECS = re.compile(
    r"utf-?(8|16|32)([-_]?[bl]e)?|us-ascii|ascii|iso-?8859-\d{1,2}|latin-?1|windows-\d{3,4}|cp\d{3,4}|koi8-[rut]"
    r"|big5(-hkscs)?|gb2312|gbk|gb18030|hz|shift[-_]jis|euc-(jp|kr)|iso-2022-(jp|kr)|macroman|mac-roman",
    re.IGNORECASE,
)


class LineTooLong(ValueError):
    """A line that no path or tag could need."""


def is_text_encoding(name: str) -> bool:
    """Tell whether ``name`` is a character encoding that tag files may have."""
    if not _TEXT_CODECS.fullmatch(name):
        return False
    try:
        "".encode(name)
    except LookupError:
        return False
    return True


def read_lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Yield the lines of a tag file without their ends: LF, CR or CR LF (RFC 8493 section 2.1.3), and nothing else.

    :raises UnicodeError: if the bytes are not text in ``encoding``. (Not always a ``UnicodeDecodeError``:
        where a byte-order mark is missing, the decoders of UTF-16 and UTF-32 raise the plain one.)
    :raises LineTooLong: if a line has more than :data:`MAX_LINE` characters.
    """
    raw = io.BufferedReader(_Chunks(iter(chunks)), 1 << 16)
    text = io.TextIOWrapper(raw, encoding=encoding, newline=None)
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise LineTooLong(f"a line has more than {MAX_LINE:,} characters")
        yield line.removesuffix("\n")


class _Chunks(io.RawIOBase):
    """Chunks of bytes as a raw stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the base class names it "__buffer"
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = chunk
        length = min(len(buffer), len(self._left))
        buffer[:length] = self._left[:length]
        self._left = self._left[length:]
        return length
