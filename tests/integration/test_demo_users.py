"""Simulated users as the tutorial starts them: against a real app, and against nobody."""

import signal

import pytest

from support.processes import Process, app, free_port
from verdigris.demo.traffic import Kind, Tally
from verdigris.demo.users import line

pytestmark = pytest.mark.real


def test_what_came_back_is_told_and_the_exit_code_says_whether_it_was_good(tmp_path):
    with app(tmp_path, "app") as (_, url):
        port = url.rpartition(":")[2]
        users = Process(tmp_path, "users", "verdigris.demo.users", "--port", port, "--rate", "200", "--limit", "60")
        assert users.popen.wait(30) == 0, users.output
    assert users.output == "60 answers, 60 of them HTTP 200; by release: not stamped 60\n"


def test_users_whom_nobody_answers_end_with_exit_code_1(tmp_path):
    users = Process(
        tmp_path, "users", "verdigris.demo.users", "--port", str(free_port()), "--rate", "200", "--limit", "20"
    )
    assert users.popen.wait(30) == 1, users.output
    assert users.output.startswith("20 answers, 0 of them HTTP 200")


def test_users_without_a_limit_end_when_told_to(tmp_path):
    with app(tmp_path, "app") as (_, url):
        users = Process(tmp_path, "users", "verdigris.demo.users", "--port", url.rpartition(":")[2])
        users.wait_for("of them HTTP 200")
        assert users.end(sign=signal.SIGINT) == 128 + signal.SIGINT


def test_the_line_names_what_each_release_answered():
    tally = Tally()
    for number, release in enumerate(("r-a", "r-b", "r-a")):
        tally.record(
            kind=Kind.PROCESS, user=number, status=200 if number else 503, release=release, seconds=0.1, complete=False
        )
    assert line(tally) == "3 answers, 2 of them HTTP 200; by release: r-a 2, r-b 1"
