"""What the web server takes before it is a request: headers of a size, and no longer than a while to arrive."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn

from service.bounded import HEAD_BYTES_MAX, Bounded

QUICK = {"head_seconds_max": 0.2, "arrival_seconds_max": 0.4, "looks_seconds": 0.05}


class Impatient(Bounded):
    """The same, with less time."""

    head_seconds_max, arrival_seconds_max, looks_seconds = QUICK.values()


async def echo(scope, receive, send) -> None:
    """Answer with how many bytes the body had; a body that ended early gets no answer."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def listening(protocol: type[Bounded]) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        echo, lifespan="off", loop="none", http=protocol, ws="none", access_log=False, log_config=None
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield listener.getsockname()[1]
    finally:
        await server.shutdown(sockets=[listener])


async def told(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send pieces with a pause between them; return what came back until the other side closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.ensure_future(reader.read())
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if pause:
                await asyncio.wait([answer], timeout=pause)
    try:
        async with asyncio.timeout(5):
            return await answer
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEAD = b"POST / HTTP/1.1\r\nhost: bank.test\r\nconnection: close\r\n"


async def test_what_is_within_the_limits_arrives_as_it_was_sent() -> None:
    async with listening(Bounded) as port:
        for size in (0, 1, 300_000):
            answer = await told(port, HEAD + b"content-length: %d\r\n\r\n" % size, b"x" * size)
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(str(size).encode())
        nearly = b"a: " + b"x" * (HEAD_BYTES_MAX - 200) + b"\r\n"
        assert (await told(port, HEAD + nearly + b"\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "lines",
    [
        b"a: " + b"x" * (HEAD_BYTES_MAX + 1) + b"\r\n\r\n",
        b"".join(b"a%d: b\r\n" % number for number in range(20_000)) + b"\r\n",
        b"a: " + b"x" * (4 * HEAD_BYTES_MAX),  # a line that never ends
    ],
    ids=["one long header", "very many headers", "a header without an end"],
)
async def test_a_head_beyond_the_limit_is_refused_and_the_connection_closed(lines: bytes) -> None:
    async with listening(Bounded) as port:
        answer = await told(port, HEAD, *(lines[at : at + 10_000] for at in range(0, len(lines), 10_000)))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")  # b"": closed before it was all sent


async def test_a_long_address_is_refused_as_a_head_is() -> None:
    async with listening(Bounded) as port:
        answer = await told(port, b"GET /" + b"a" * (HEAD_BYTES_MAX + 1) + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431")


async def test_what_is_no_http_is_refused_with_the_headers_of_every_answer() -> None:
    async with listening(Bounded) as port:
        answer = await told(port, b"\x16\x03\x01 hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-content-type-options: nosniff" in answer


async def test_whoever_sends_a_byte_now_and_then_is_let_go() -> None:
    async with listening(Impatient) as port:
        silent = await told(port)
        slow_head = await told(port, *(bytes([one]) for one in HEAD), pause=0.03)
        slow_body = await told(port, HEAD + b"content-length: 1000\r\n\r\n", *([b"x"] * 40), pause=0.03)
        quick = await told(port, HEAD + b"content-length: 2\r\n\r\n", b"xx")
    assert silent.startswith(b"HTTP/1.1 408")
    assert slow_head == b"" or slow_head.startswith(b"HTTP/1.1 408")  # b"": closed on a byte just sent
    assert slow_body == b""
    assert quick.endswith(b"2")


@pytest.mark.parametrize(
    "lines",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        b"content-length: +5\r\n",
    ],
)
async def test_a_body_that_ends_in_two_places_is_refused_and_nothing_behind_it_is_answered(
    lines: bytes,
) -> None:
    async with listening(Bounded) as port:
        hidden = b"GET /hidden HTTP/1.1\r\nhost: bank.test\r\n\r\n"
        head = HEAD.replace(b"connection: close\r\n", b"")
        answer = await told(port, head + lines + b"\r\n0\r\n\r\n" + hidden)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1
