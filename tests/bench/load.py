"""A small HTTP load: so many connections, so many requests, each timed. It adds little of its own."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4


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
    requests: int,
    per_second: int | None = None,
    answers: list[tuple[float, bytes]] | None = None,
) -> Answered:
    """Post ``requests`` bodies over ``connections`` kept-alive connections. Raises on any answer but 201.

    ``per_second``: no more than so many are begun; else a connection never pauses. ``answers`` takes each answer with
    its time.
    """
    numbers = iter(range(requests))
    latencies: list[float] = []

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            content = json.dumps(body(number)).encode()
            head = (
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                f"Idempotency-Key: {uuid4()}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(content)}\r\n\r\n"
            )
            if per_second is not None:
                await asyncio.sleep(max(0.0, started + number / per_second - time.perf_counter()))
            began = time.perf_counter()
            writer.write(head.encode() + content)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in answer.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            text = await reader.readexactly(length)
            ended = time.perf_counter()
            latencies.append((ended - began) * 1000)
            if answers is not None:
                answers.append((ended, text))
            if b" 201 " not in answer[:16]:
                raise RuntimeError(text.decode())
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    return Answered(sorted(latencies), time.perf_counter() - started)
