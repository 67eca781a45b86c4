"""Runs one target for a bounded time: ``python -m fuzz.run zips|bags SECONDS FOLDER``.

libFuzzer looks at which branches an input reaches, and goes on from those that reach new ones. It ends with an error,
and leaves the input in FOLDER, when a target raises anything that is not ours, takes more than ten seconds, or more
memory than half a gigabyte in all.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ao_workflows.bags"]):
    from fuzz import targets

WORDS = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"\xff\xff\xff\xff", b"%25", b"data/")
"""What a mutation is likely to need: the signatures of a zip's records, the mark of zip64, and the words of bags."""

ESCAPED = "\\x{:02x}"
LONGEST = 1 << 16
"""Bytes of an input, at most."""


def main(target: str, seconds: str, folder: str) -> None:
    """Fuzz until the time is over; what reached something new stays in FOLDER, for the next time."""
    inputs = Path(folder, target)
    inputs.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.SEEDS[target]()):
        (inputs / f"seed-{number}").write_bytes(seed)
    dictionary = Path(folder, "dictionary")
    dictionary.write_text("".join(f'"{"".join(map(ESCAPED.format, word))}"\n' for word in WORDS))
    options = {
        "max_total_time": seconds,
        "timeout": "10",
        "rss_limit_mb": "512",
        "max_len": str(LONGEST),
        "artifact_prefix": f"{folder}/failed-{target}-",
        "dict": str(dictionary),
        "print_final_stats": "1",
    }
    atheris.Setup(
        [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(inputs)], targets.TARGETS[target]
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
