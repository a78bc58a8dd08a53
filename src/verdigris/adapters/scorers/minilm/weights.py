"""Arrays of a safetensors file. Format: https://github.com/huggingface/safetensors#format."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

_LARGEST_HEADER = 100 << 20
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


def read(file: Path, *, sha256: str = "") -> dict[str, Floats]:
    """All arrays of floating numbers, by name. Raises: ValueError for a file that is none, or not the one that was pinned."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    if sha256 and hashlib.sha256(data).hexdigest() != sha256.lower():
        raise ValueError(f"{file} is not the file whose sha256 is given")
    header, start = _header(file, data)
    return {
        name: _array(file, name, said, data, start)
        for name, said in header.items()
        if name != "__metadata__" and said.get("dtype") in _TYPES
    }


def _header(file: Path, data: bytes) -> tuple[dict[str, Any], int]:
    size = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if not 0 < size <= min(_LARGEST_HEADER, len(data) - 8):
        raise ValueError(f"{file} is no safetensors file")
    try:
        header = json.loads(data[8 : 8 + size])
    except ValueError:
        header = None
    if not isinstance(header, dict) or not all(isinstance(said, dict) for said in header.values()):
        raise ValueError(f"{file} is no safetensors file")
    return header, 8 + size


def _array(file: Path, name: str, said: dict[str, Any], data: bytes, start: int) -> Floats:
    try:
        begin, end = said["data_offsets"]
        found = np.frombuffer(data[start + begin : start + end], dtype=_TYPES[said["dtype"]])
        return np.asarray(found.reshape(said["shape"]), dtype=np.float32)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{file}: {name} is not whole") from None
