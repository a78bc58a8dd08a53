"""Process settings from the environment."""

from pathlib import Path

import pytest

from verdigris.core.model.errors import ConfigError
from verdigris.settings import (
    Settings,
    read_log_level,
    read_small_controller,
    read_state,
    read_token,
)


def test_defaults():
    assert read_state({}) == Path(".verdigris")
    assert read_log_level({}) == "info"
    assert read_token({}) is None
    assert read_small_controller({}) is None
    assert Settings().api_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({"VERDIGRIS_TOKEN": "a", "ADMIN_TOKEN": "b"}, "a"),
        ({"ADMIN_TOKEN": "b"}, "b"),
        ({"VERDIGRIS_TOKEN": "", "ADMIN_TOKEN": "b"}, "b"),
    ],
)
def test_the_token_is_found(environ, token):
    found = read_token(environ)
    assert found is not None
    assert found.get_secret_value() == token


def test_an_empty_token_is_none():
    assert read_token({"VERDIGRIS_TOKEN": "", "ADMIN_TOKEN": ""}) is None


def test_the_token_comes_from_a_file_without_its_last_line_break(tmp_path):
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    found = read_token({"VERDIGRIS_TOKEN_FILE": str(file)})
    assert found is not None
    assert found.get_secret_value() == "s3cret"


def test_a_token_file_that_is_empty_or_missing_is_no_open_door(tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for file in (empty, tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match="token file"):
            read_token({"VERDIGRIS_TOKEN_FILE": str(file), "ADMIN_TOKEN": "b"})


def test_secrets_are_never_shown():
    settings = Settings(token=read_token({"VERDIGRIS_TOKEN": "s3cret"}))
    small = read_small_controller({"BLUE_URL": "http://a", "GREEN_URL": "http://b", "ADMIN_TOKEN": "s3cret"})
    assert "s3cret" not in f"{settings!r} {settings} {small!r} {small}"


def test_the_small_controller():
    urls = {"BLUE_URL": "http://a", "GREEN_URL": "http://b"}
    open_door = read_small_controller(urls)
    guarded = read_small_controller({**urls, "ADMIN_TOKEN": "t", "CONTROLLER_PORT": "4000"})
    assert open_door is not None
    assert guarded is not None
    assert (open_door.host, open_door.port) == ("127.0.0.1", 3000)
    assert (guarded.host, guarded.port) == ("0.0.0.0", 4000)


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"BLUE_URL": "http://a"}, "BLUE_URL is set, but GREEN_URL is not"),
        ({"GREEN_URL": "http://a"}, "GREEN_URL is set, but BLUE_URL is not"),
        ({"BLUE_URL": "a", "GREEN_URL": "b", "CONTROLLER_PORT": "x"}, "CONTROLLER_PORT is not a port"),
        ({"BLUE_URL": "a", "GREEN_URL": "b", "CONTROLLER_PORT": "70000"}, "CONTROLLER_PORT is not a port"),
    ],
)
def test_half_a_small_controller_is_an_error(environ, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read_small_controller(environ)


def test_an_unknown_log_level_is_an_error():
    with pytest.raises(ConfigError, match="debug, info, warning, error"):
        read_log_level({"VERDIGRIS_LOG_LEVEL": "loud"})
