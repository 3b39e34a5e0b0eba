"""A small HTTP load: so many connections, each request timed. It costs little of its own: a tenth of a millisecond."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import uuid4

END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Answered:
    """What a load found: latencies in milliseconds, sorted, and the time it all took in seconds."""

    latencies_ms: list[float]
    seconds: float

    @property
    def per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds that ``share`` of the answers did not exceed."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(share * len(self.latencies_ms)))]


async def load(
    port: int,
    path: str,
    token: str,
    body: Callable[[int], object],
    *,
    connections: int,
    requests: int | None = None,
    seconds: float | None = None,
    per_second: int | None = None,
    answers: list[tuple[float, bytes]] | None = None,
) -> Answered:
    """Post bodies over ``connections`` kept-alive connections: ``requests`` of them, or for so many ``seconds``.

    Raises RuntimeError on any answer but 201. ``per_second``: no more than so many are begun; else a connection
    never pauses. ``answers`` takes each answer with its time.
    """
    started = time.perf_counter()
    until = None if seconds is None else started + seconds
    given = _Given(path, token, body, _numbers(requests, until), started, per_second, answers)
    loop = asyncio.get_running_loop()
    callers = [_Connection(given) for _ in range(connections)]
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)
    await asyncio.gather(*(caller.done for caller in callers))
    return Answered(sorted(given.latencies), time.perf_counter() - started)


def _numbers(requests: int | None, until: float | None) -> Iterator[int]:
    number = 0
    while (requests is None or number < requests) and (until is None or time.perf_counter() < until):
        yield number
        number += 1


@dataclass
class _Given:
    """What all connections of a load share."""

    path: str
    token: str
    body: Callable[[int], object]
    numbers: Iterator[int]
    started: float
    per_second: int | None
    answers: list[tuple[float, bytes]] | None
    latencies: list[float] = field(default_factory=list)

    def request(self, number: int) -> bytes:
        content = json.dumps(self.body(number)).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            f"Idempotency-Key: {uuid4()}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


class _Connection(asyncio.Protocol):
    """One caller: the next request goes out when the answer to the last is in."""

    def __init__(self, given: _Given) -> None:
        self.given = given
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.began = 0.0
        self.came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._next()

    def _next(self) -> None:
        number = next(self.given.numbers, None)
        if number is None:
            self.transport.close()
            self._end(None)
            return
        if self.given.per_second is None:
            self._send(number)
            return
        wait = self.given.started + number / self.given.per_second - time.perf_counter()
        asyncio.get_running_loop().call_later(max(0.0, wait), self._send, number)

    def _send(self, number: int) -> None:
        request = self.given.request(number)
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        ended = time.perf_counter()
        self.came += data
        head, found, text = self.came.partition(END_OF_HEAD)
        if not found:
            return
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
        if length is None:
            self._end(RuntimeError(f"an answer without a length: {self.came[:300]!r}"))
            return
        if len(text) < length:
            return
        self.came = b""
        if b" 201 " not in head[:16]:
            self._end(RuntimeError(text.decode()))
            return
        self.given.latencies.append((ended - self.began) * 1000)
        if self.given.answers is not None:
            self.given.answers.append((ended, text))
        self._next()

    def connection_lost(self, failure: Exception | None) -> None:
        self._end(failure or ConnectionError("the server closed the connection"))

    def _end(self, failure: Exception | None) -> None:
        if self.done.done():
            return
        if failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(failure)
            self.transport.close()
