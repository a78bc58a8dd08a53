"""A package of scorers that is not ours, some of them ill-behaved, installed into a folder as pip would."""

import os
from pathlib import Path

NAME = "foreign_scorers"
CODE = """
import os
import re
import subprocess
import time
from dataclasses import dataclass

from verdigris.core.model.score import Score, ScoreFailure, Trouble


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scorer:
    @property
    def name(self):
        return "foreign"

    @property
    def version(self):
        return "1"

    @property
    def is_free(self):
        return True

    def word(self, **members):
        return Score(scorer="whatever", version="whatever", **members)


@dataclass(frozen=True, kw_only=True, slots=True)
class Length(_Scorer):
    longest: int = 100

    async def score(self, sample):
        print("what a scorer prints does not stand between the frames")
        return self.word(passed=len(sample.output) <= self.longest)


@dataclass(frozen=True, kw_only=True, slots=True)
class Endless(_Scorer):
    async def score(self, sample):
        while sample.input == "for ever":
            pass
        return self.word(value=1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Regex(_Scorer):
    async def score(self, sample):
        re.match(r"^(a+)+$", "a" * 60 + "b")
        return self.word(value=1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Raises(_Scorer):
    async def score(self, sample):
        raise RuntimeError("a secret: " + sample.input)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exits(_Scorer):
    async def score(self, sample):
        if sample.input == "exit":
            os._exit(3)
        return self.word(value=1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pid(_Scorer):
    async def score(self, sample):
        return self.word(value=1.0, label=str(os.getpid()), explanation=str(os.nice(0)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lambda(_Scorer):
    async def score(self, sample):
        return self.word(value=1.0, label=lambda: 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs(_Scorer):
    async def score(self, sample):
        read = subprocess.run(["cat"], stdout=subprocess.PIPE, check=True).stdout
        left = subprocess.Popen(["sleep", "600"])
        return self.word(value=1.0, label=str(left.pid), explanation=repr(read))


@dataclass(frozen=True, kw_only=True, slots=True)
class Huge(_Scorer):
    async def score(self, sample):
        return self.word(value=1.0, explanation="x" * (2 << 20))


@dataclass(frozen=True, kw_only=True, slots=True)
class Paid(_Scorer):
    @property
    def is_free(self):
        return False

    def most(self, sample):
        while sample.input == "for ever":
            pass
        return 0.25

    async def score(self, sample):
        return self.word(value=1.0, cost=0.1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Nothing:
    option: int = 1


class NoPlug:
    pass
"""
PLUGS = {
    "f-length": "Length",
    "f-endless": "Endless",
    "f-regex": "Regex",
    "f-raises": "Raises",
    "f-exits": "Exits",
    "f-pid": "Pid",
    "f-lambda": "Lambda",
    "f-programs": "Programs",
    "f-huge": "Huge",
    "f-paid": "Paid",
    "f-nothing": "Nothing",
    "f-noplug": "NoPlug",
    "f-missing": "Missing",
}


def install(folder: Path, monkeypatch) -> None:
    """Makes the plugs known to this process and to those it starts."""
    info = folder / f"{NAME}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{NAME}.py").write_text(CODE)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n")
    entries = "\n".join(f"{name} = {NAME}:{kind}" for name, kind in PLUGS.items())
    (info / "entry_points.txt").write_text(f"[verdigris.scorers]\n{entries}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
