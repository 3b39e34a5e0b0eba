"""A bank to test with: its cast by desk, each acting over HTTP with their own token."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from litestar import Litestar

from service.app import create_app
from service.bank import Bank
from service.demo.access import token_for
from tests.plain import PASSWORD as PASSWORD  # noqa: PLC0414 - told from here to most tests


@dataclass
class Caller:
    """One account calling the interface."""

    client: httpx.AsyncClient
    name: str

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(path, params=query)

    async def post(
        self, path: str, body: Any = None, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4())}
        return await self.client.post(path, json={} if body is None else body, headers=headers, **more)


FREE_APPS: list[
    Litestar
] = []  # an application knows its bank by its state alone, so the next test takes it over


@dataclass(repr=False)
class World:
    """An open bank with its web application; ``as_`` gives a caller for an account's name."""

    bank: Bank
    app: Litestar
    callers: dict[str, Caller] = field(default_factory=dict)

    async def as_(self, account: str) -> Caller:
        """Return the caller signed in to ``account``."""
        if account not in self.callers:
            token = await token_for(self.bank, account)
            client = self.anonymous({"Authorization": f"Bearer {token}"})
            self.callers[account] = Caller(client, account)
        return self.callers[account]

    def anonymous(self, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        """Return a client that is not signed in."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://bank.test", headers=headers)

    async def close(self) -> None:
        """Close every client."""
        for caller in self.callers.values():
            await caller.client.aclose()
        FREE_APPS.append(self.app)


def world(bank: Bank) -> World:
    """Return the bank with its application around it."""
    app = FREE_APPS.pop() if FREE_APPS else create_app(bank)
    app.state.bank, app.state.gate = bank, bank.gate
    return World(bank, app)
