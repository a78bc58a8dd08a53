"""The demo's processes: started in groups of their own, their words kept in files, ended without remains."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LOOK = 0.05


class DemoFailed(Exception):
    """The demo could not be shown; the message is for the person who started it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One running process, leader of its own group, so that Ctrl-C reaches only us and we end it in order."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    def last_words(self, lines: int = 15) -> str:
        """The end of its log, for a message about what went wrong."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


async def launch(name: str, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Program:
    """Starts `command` in `folder`; what it prints goes to `NAME.log` there. Raises: OSError."""
    log = folder / f"{name}.log"
    with log.open("wb") as words:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=words,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    return Program(name=name, process=process, log=log)


async def said(program: Program, pattern: str, *, deadline: float) -> re.Match[str]:
    """Waits until its log matches `pattern`. Raises: DemoFailed, with the log's end, after `deadline` seconds."""
    clock = asyncio.get_running_loop().time
    until = clock() + deadline
    while (found := re.search(pattern, program.last_words())) is None:
        if not program.running:
            raise DemoFailed(f"{program.name} ended before it was ready. Its last words:\n{program.last_words()}")
        if clock() > until:
            raise DemoFailed(f"{program.name} was not ready in {deadline:g} s. Its last words:\n{program.last_words()}")
        await asyncio.sleep(_LOOK)
    return found


async def stop(program: Program, *, grace: float) -> None:
    """Asks it to end, asks again after half of `grace` seconds, and then ends it with everything in its group."""
    for _ in range(2):
        if program.running:
            with suppress(ProcessLookupError):
                program.process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(grace / 2):
                    await program.process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.process.pid, signal.SIGKILL)
    await program.process.wait()


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports
