"""Calibrations of judges, kept in one small JSON file of the state folder: `calibrations.json`."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from verdigris.core.model.calibration import Calibration, On
from verdigris.core.model.errors import StoreError, StoreUnreadable

NAME = "calibrations.json"
MOST = 200
"""Calibrations that are kept; the oldest are forgotten first."""

_ON: dict[str, On] = {"samples": "samples", "pairs": "pairs"}


def read(folder: Path) -> tuple[Calibration, ...]:
    """Oldest first; none where the file is not there. Raises: StoreUnreadable."""
    file = folder / NAME
    try:
        return tuple(_calibration(each) for each in json.loads(file.read_text(encoding="utf-8"))["calibrations"])
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StoreUnreadable(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreUnreadable(f"{file} holds no calibrations", hint="remove it, and calibrate again") from error


def keep(folder: Path, made: Calibration) -> None:
    """Puts it in the place of an earlier one of the same version, at once or not at all. Raises: StoreError."""
    others = [each for each in read(folder) if (each.version, each.on) != (made.version, made.on)]
    kept = sorted([*others, made], key=lambda each: each.at)[-MOST:]
    text = json.dumps({"calibrations": [asdict(each) for each in kept]}, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / NAME, text)
    except OSError as error:
        raise StoreError(f"{folder / NAME} cannot be written: {error.strerror}") from error


def _replace(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _calibration(said: dict[str, object]) -> Calibration:
    scorer, version, labels, kappa, at = (said[key] for key in ("scorer", "version", "labels", "kappa", "at"))
    if not isinstance(labels, int) or not isinstance(at, int | float) or not isinstance(kappa, int | float | None):
        raise TypeError("a calibration's numbers are numbers")
    return Calibration(
        scorer=str(scorer), version=str(version), on=_ON[str(said["on"])], labels=labels, kappa=kappa, at=float(at)
    )
