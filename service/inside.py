"""What the processes of one bank ask each other. Nobody outside gets here: the router answers these addresses itself."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import FromQuery, JSONBody

from service.afar import INSIDE_HEADER
from service.kernel.errors import NotFound
from service.people.signing_in import office_named
from service.pulse import SOURCES_MAX

Heard = Annotated[dict[str, int], msgspec.Meta(max_length=SOURCES_MAX + 1)]


class Noise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many requests of which source nobody signed in for."""

    heard: Heard


async def from_inside(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard: raise NotFound for everybody but another process of this bank."""
    if INSIDE_HEADER not in connection.headers:
        raise NotFound("address")


class InsideApi(Controller):
    """Questions between the processes of a bank."""

    path = "/api/inside"
    include_in_schema = False
    opt = {"public": "only the processes of this bank reach it"}  # noqa: RUF012 - Litestar reads it from the class
    guards = (from_inside,)

    @get("/silence")
    async def silence(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Tell how the log stands."""
        return dict(msgspec.to_builtins(request.app.state.bank.silence()))

    @post("/noise", status_code=204)
    async def noise(self, request: Request[Any, Any, Any], data: JSONBody[Noise]) -> None:
        """Count what another process heard, as if it had been heard here."""
        for source, times in data.heard.items():
            request.app.state.bank.hear(source, times)

    @get("/office")
    async def office(self, request: Request[Any, Any, Any], account: FromQuery[str]) -> dict[str, str | None]:
        """Tell which office an account signs in at, whether it is served here or not."""
        found = await office_named(request.app.state.gate, account)
        return {"office": None if found is None else found.value}


ROUTES = [InsideApi]
