"""The API's port is ours from the moment it is taken, or it is named as taken."""

from unittest.mock import Mock

import pytest

from verdigris.assemble.listener import address_of, listen
from verdigris.core.model.errors import PortTaken


def test_who_comes_second_is_told_at_once():
    with listen("127.0.0.1", 0) as first:
        host, port = first.getsockname()
        with pytest.raises(PortTaken, match=f"{host}:{port}: another program does already"):
            listen(host, port)


def test_an_address_of_another_machine_is_named():
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1:8090"):
        listen("192.0.2.1", 8090)


def test_an_address_is_written_as_in_a_url():
    assert address_of(Mock(getsockname=lambda: ("127.0.0.1", 8090))) == "127.0.0.1:8090"
    assert address_of(Mock(getsockname=lambda: ("::1", 8090, 0, 0))) == "[::1]:8090"
