"""Envoy never sends a log line twice, also when it is not told that the first time arrived. Real Envoy, real gRPC."""

import asyncio
from collections import Counter

import grpc
import pytest

from support.gateway import Gateway, until
from verdigris.adapters.sources.access_log.export_pb2 import Export

pytestmark = pytest.mark.real

_SERVICE = "opentelemetry.proto.collector.logs.v1.LogsService"
REQUESTS = 30


class Receiver:
    """Reads every message and then says that it failed, each time in another way, or says nothing at all."""

    def __init__(self, address, *, silent):
        self.lines = Counter()
        self._silent = silent
        self._codes = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL)
        self._server = grpc.aio.server()
        method = grpc.unary_unary_rpc_method_handler(self._export)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": method}),))
        self._server.add_insecure_port(f"unix:{address}")
        self._messages = 0

    async def __aenter__(self):
        await self._server.start()
        return self

    async def __aexit__(self, *_):
        await self._server.stop(grace=0)

    async def _export(self, message, context):
        for resource in Export.FromString(message).resource_logs:
            for scope in resource.scope_logs:
                self.lines.update((record.time_unix_nano, record.body.string_value) for record in scope.log_records)
        self._messages += 1
        if self._silent:
            await asyncio.Event().wait()
        await context.abort(self._codes[self._messages % len(self._codes)], "read, and refused")


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "unanswered"])
def test_what_was_not_acknowledged_is_dropped_and_not_sent_again(tmp_path, silent):
    async def story(gateway):
        await gateway.source.close()
        before = (await gateway.driver.log_counts()).dropped
        async with Receiver(gateway.source.address, silent=silent) as receiver:
            for _ in range(REQUESTS):
                await gateway.ask()

            async def all_read():
                return sum(receiver.lines.values()) >= REQUESTS

            await until(all_read, "every line to be read")
        # With the receiver gone, whatever Envoy still meant to send again would be sent to the next one.

        async def dropped():
            return (await gateway.driver.log_counts()).dropped - before >= REQUESTS

        await until(dropped, "Envoy to count every line as dropped")
        async with Receiver(gateway.source.address, silent=False) as after:
            await gateway.ask()

            async def heard():
                return after.lines

            await until(heard, "the next line")
            return receiver.lines, after.lines

    with Gateway(tmp_path) as gateway:
        lines, later = gateway.run(story(gateway))
    assert sum(lines.values()) == len(lines) == REQUESTS, "each was read once"
    assert not set(lines) & set(later)
    assert sum(later.values()) == 1
