import socket

import pytest


@pytest.fixture
def unused_port() -> int:
    """Give a port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
