"""The example package is installed as anybody's is, found by its entry point, and gives its words from its own process."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.quality import FakePrices, FakeTill
from verdigris.assemble.scorers import bench
from verdigris.core.model.errors import ConfigError
from verdigris.core.model.quality import Quality, ScorerUse
from verdigris.testing.samples import a_compared_pair, a_sample

pytestmark = pytest.mark.real

EXAMPLE = Path(__file__).parents[2] / "examples" / "scorer-plugin"


def install(folder):
    """As a user installs it, with uv or pip. Nothing is downloaded: the build tool is the one that built Verdigris itself."""
    uv = shutil.which("uv")
    words = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    target = [
        *words,
        "install",
        "--no-deps",
        "--offline" if uv else "--no-index",
        "--target",
        str(folder),
        str(EXAMPLE),
    ]
    done = subprocess.run(target, capture_output=True, text=True, check=False, cwd=folder.parent)
    return done.returncode == 0, done.stderr


@pytest.fixture
def _installed(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    is_installed, why = install(folder)
    assert is_installed, why
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))


def made(**options):
    use = ScorerUse(use="brevity", options=options)
    return bench(Quality(scorers=(use,)), till=FakeTill(), prices=FakePrices())


@pytest.mark.usefixtures("_installed")
def test_it_is_found_and_gives_its_words():
    async def story():
        one = made(words=2)
        try:
            (word,) = await one.score(a_sample(output="one two three four"))
            (better,) = await one.compare(a_compared_pair(stable=a_sample(output="a b c"), other=a_sample(output="a")))
            return one, word, better
        finally:
            await one.close()

    one, word, better = asyncio.run(story())
    assert (word.scorer, word.value, better.value) == ("brevity", 0.5, 0.75)
    assert one.seats[0].worker is not None
    assert one.seats[0].gates


@pytest.mark.usefixtures("_installed")
def test_its_options_are_checked_as_those_of_ours_are():
    with pytest.raises(ConfigError, match="no option 'word'; did you mean 'words'"):
        made(word=3)
    with pytest.raises(ConfigError, match="words is at least 1"):
        made(words=0)


def test_without_it_its_name_means_nothing():
    with pytest.raises(ConfigError, match="there is no scorer 'brevity'"):
        made()


@pytest.mark.usefixtures("_installed")
def test_its_own_tests_pass(tmp_path):
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path / "tests")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout
