"""The API's port is ours from the moment it is taken, or it is named as taken."""

from unittest.mock import Mock

import pytest

from verdigris.assemble.listener import address_of, keep_port, listen, listen_privately
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


def test_a_private_port_is_kept_and_given_up_when_somebody_has_it(tmp_path):
    record = tmp_path / "api.port"
    with listen_privately(record) as first:
        keep_port(first, record)
        with listen_privately(record) as second:
            assert second.getsockname() != first.getsockname()
        port = first.getsockname()[1]
    with listen_privately(record) as third:
        assert third.getsockname()[1] == port
    record.write_text("not a port")
    with listen_privately(record) as fourth:
        assert fourth.getsockname()[0] == "127.0.0.1"
