"""Stages that several modules of real processes share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import Process
from support.up import Stage, apps

collect_ignore = [] if shutil.which("prometheus") and shutil.which("promtool") else ["test_prometheus_real.py"]
"""What needs a program that no Python package brings: `apt-get install prometheus`."""

Apps = tuple[tuple[Process, str], tuple[Process, str]]


@pytest.fixture(scope="module")
def two_apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """Blue and green, for a whole module."""
    with apps(tmp_path_factory.mktemp("apps")) as both:
        yield both


@pytest.fixture
def stage(two_apps: Apps, tmp_path: Path) -> Iterator[Stage]:
    """The module's apps with a folder of the test's own."""
    made = Stage(folder=tmp_path, blue=two_apps[0], green=two_apps[1])
    yield made
    made.close()


@pytest.fixture
def own_stage(tmp_path: Path) -> Iterator[Stage]:
    """Apps that the test may kill."""
    with apps(tmp_path) as (blue, green):
        made = Stage(folder=tmp_path, blue=blue, green=green)
        yield made
        made.close()
