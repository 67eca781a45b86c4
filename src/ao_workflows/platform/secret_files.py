"""The secret files of a deployment: made when they are missing, never shown, never replaced."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

OPEN_BITS = 0o077
"""Permissions that nobody but a secret's owner may have."""


def _token() -> str:
    return secrets.token_urlsafe(32)


def _fernet_key() -> str:
    # 32 bytes in the alphabet for addresses, as the Fernet specification asks for.
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


MAKERS: Mapping[str, Callable[[], str]] = {
    "db": _token,
    "redis": _token,
    "fernet_key": _fernet_key,
    "api_secret_key": _token,
    "jwt_secret": _token,
    "admin_password": lambda: secrets.token_urlsafe(12),
}
"""How each secret is made that nobody has to bring."""

BROUGHT = ("aws",)
"""Secrets that only the site itself can have; they begin as templates that explain what goes into them."""

NAMES = (*MAKERS, *BROUGHT)


def lay_secret(path: Path, content: str) -> None:
    """Write a secret file that only its owner may read. :raises FileExistsError: if there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
