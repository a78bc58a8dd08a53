"""The process in which scorers run that compute, and those of other packages: killed and begun anew when one takes too long.

A scorer that never returns holds neither the loop nor the interpreter of the controller, which only waits for a pipe. Both ends speak
frames: four bytes of length, then a pickle. The process is our own child, so what it says is trusted as our own code is.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pickle
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from verdigris import plugins

_SIZE = struct.Struct("<I")
_LARGEST = 1 << 20  # bytes of a word: what is kept of one is far less
_STARTING = 30.0  # seconds that loading the scorers may take
_NICE = 10
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, prctl(2)


class Died(Exception):
    """The process ended in mid-answer. `reason` is what the scorer raised, where it was that."""


@dataclass(kw_only=True, slots=True)
class Worker:
    """One process for all of `scorers` (name and options), started when first asked; one question at a time."""

    scorers: Sequence[tuple[str, Mapping[str, Any]]]
    restarts: int = 0
    _process: asyncio.subprocess.Process | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, place: int, method: str, item: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 -- it kills what is late
        """What the scorer at this place says. Raises: TimeoutError, Died."""
        async with self._lock:
            process = await self._started()
            try:
                async with asyncio.timeout(timeout):
                    said, word = await _exchange(process, (place, method, item))
            except BaseException as error:  # also when the caller gives up: the answer would be the next one's
                await self._end()
                if isinstance(error, asyncio.IncompleteReadError | ConnectionError):
                    raise Died("the process of scorers ended") from error
                raise
        if not said:
            raise Died(word)
        return word

    async def close(self) -> None:
        async with self._lock:
            await self._end()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LARGEST,
            start_new_session=True,  # Ctrl-C is for the controller, which then ends it, and what scorers started in it
        )
        self._process = process
        try:
            async with asyncio.timeout(_STARTING):
                await _exchange(process, [(name, dict(options)) for name, options in self.scorers])
        except BaseException as error:  # also when the caller gives up: its word would be taken for an answer
            await self._end()
            if isinstance(error, Exception):
                raise Died("the process of scorers cannot be started") from error
            raise
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self.restarts += 1
        if process.returncode is None:  # else its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _exchange(process: asyncio.subprocess.Process, message: Any) -> Any:
    if process.stdin is None or process.stdout is None:
        raise ConnectionError("no pipes")
    data = pickle.dumps(message)
    process.stdin.write(_SIZE.pack(len(data)) + data)
    await process.stdin.drain()
    (size,) = _SIZE.unpack(await process.stdout.readexactly(_SIZE.size))
    if size > _LARGEST:
        raise ConnectionError("no word of ours is as large")
    return pickle.loads(await process.stdout.readexactly(size))  # noqa: S301 -- our own child's words


# ------------------------------------------------------------------ in the child


def main() -> None:
    """Answers until its parent is gone."""
    os.nice(_NICE)
    _end_with_parent()
    _go_first_without_memory()
    source, sink = _pipes()
    scorers = [plugins.make(name, options) for name, options in _read(source)]
    _write(sink, None)
    with asyncio.Runner() as runner:
        while (asked := _read(source)) is not None:
            place, method, item = asked
            try:
                said = getattr(scorers[place], method)(item)
                answer = (True, runner.run(said) if asyncio.iscoroutine(said) else said)
            except Exception as error:  # noqa: BLE001 -- whatever a scorer does wrong is a failure of that scorer
                answer = (False, f"{type(error).__name__} in the scorer")
            _write(sink, answer)


def _end_with_parent() -> None:
    """A scorer that never returns does not see that its parent is gone, so the kernel ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _go_first_without_memory() -> None:
    """Where memory runs out, the kernel ends this process rather than the one that decides. Source: proc_pid_oom_score_adj(5)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Where questions come from and words go to, out of reach of what a scorer reads or prints, and of programs it starts."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def _read(source: BinaryIO) -> Any:
    head = source.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    (size,) = _SIZE.unpack(head)
    return pickle.loads(source.read(size))  # noqa: S301 -- our own parent's words


def _write(sink: BinaryIO, answer: Any) -> None:
    try:
        data = pickle.dumps(answer)
    except Exception as error:  # noqa: BLE001 -- an answer that cannot travel is a failure of the scorer
        data = pickle.dumps((False, f"{type(error).__name__}: the scorer's word cannot be sent"))
    if len(data) > _LARGEST:
        data = pickle.dumps((False, f"the scorer's word is larger than {_LARGEST} bytes"))
    sink.write(_SIZE.pack(len(data)) + data)
    sink.flush()


if __name__ == "__main__":
    main()
