"""The clients of the fault runs: an answer belongs to whoever asked for it, or the run accuses the bank."""

import asyncio
import contextlib
import json

import pytest

from tests.faults.crowd import Line


async def slow_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request with its path, the first one late."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            path = head.split()[1]
            if path == "/late":
                await asyncio.sleep(0.2)
            body = json.dumps({"path": path}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


async def test_an_answer_that_nobody_waits_for_any_more_is_not_taken_for_the_next_one() -> None:
    server = await asyncio.start_server(slow_echo, "127.0.0.1", 0)
    line = Line([server.sockets[0].getsockname()[1]])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await line.ask("GET", "/late")
    assert (await line.ask("GET", "/next")).body == {"path": "/next"}
    line.hang_up()
    server.close()
    await asyncio.sleep(0.3)  # whoever was late sees that nobody waits
