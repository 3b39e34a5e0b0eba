"""The web application: the only module that knows every slice."""

import importlib.util
import logging
from typing import Any

from litestar import Litestar, Request, Response, get
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from audit.report import LEVELS
from audit.signer import SignerUnreachable
from service import acts, contract, faces, frame_pages, inside, matrix, page_forms, page_frame, paper_pages
from service.compliance.api import provide_past
from service.kernel.errors import Misdirected, Refusal
from service.part import House
from service.people.directory import SignIns

LOGGER = logging.getLogger(__name__)
SLICES = (
    "organisation",
    "people",
    "parties",
    "market",
    "deputies",
    "absences",
    "desks",
    "limits",
    "work",
    "documents",
    "trades",
    "conformity",
    "control",
    "confirmations",
    "settlement_rules",
    "settlement",
    "bookkeeping",
    "transfers",
    "supervision",
    "cases",
    "explaining",
    "compliance",
    "reports",
    "governance",
    "dashboards",
)

PROVIDED = {
    "actor": Provide(faces.provide_actor),
    "gate": Provide(faces.provide_gate),
    "past": Provide(provide_past),
    "reads": Provide(faces.provide_reads),
    **page_frame.dependencies(),
}


EVERYWHERE = {
    **faces.HEADERS,
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cross-origin-resource-policy": "same-origin",
}
"""What every answer carries; a browser that came without TLS takes no notice of the first of the two."""


async def with_security_headers(message: Message, scope: Scope) -> None:
    """Hook before anything is sent: the same headers on every answer, refusals of the router itself included.

    Only a file of the frame may be kept. A node that ends lets its callers go, each after its answer: their next
    request is somebody else's.
    """
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    kept = scope["path"].startswith("/static/") and "cache-control" in headers
    for name, value in EVERYWHERE.items():
        if name != "cache-control" or not kept:
            headers[name] = value
    if scope["litestar_app"].state.get("ending"):
        headers["connection"] = "close"


class Authentication:
    """Middleware: bearer tokens for the interface, the session cookie for pages; neither means anything to the other."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.sign_ins: SignIns | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who calls; routes decide whether that is enough."""
        if scope["type"] == ScopeType.HTTP:
            if "unreachable" in scope["state"]:  # the router's word: nobody answers for this request
                raise scope["state"]["unreachable"]
            token, origin = page_forms.token_of(scope)
            if token is not None:
                offices = scope["litestar_app"].state.gate.offices
                if self.sign_ins is None or self.sign_ins.offices is not offices:
                    self.sign_ins = SignIns(offices)
                try:
                    scope["state"]["actor"] = await self.sign_ins.actor(
                        token, origin=origin, device=faces.device_of(scope)
                    )
                except Misdirected as elsewhere:  # pages for everybody are answered all the same
                    scope["state"]["misdirected"] = elsewhere
        await self.app(scope, receive, send)


@get("/health/live", opt={"public": True})
async def live() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "live"}


@get("/health/ready", opt={"public": True})
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Tell whether acts can be recorded now, or why not."""
    bank: House = request.app.state.bank
    if request.app.state.get("ending"):
        return Response({"status": "ending", "reason": "this node was told to end"}, status_code=503)
    failure, silence = bank.failure, bank.silence()
    if failure is not None and not isinstance(failure, SignerUnreachable):
        return Response(
            {"status": "not ready", "reason": f"log not writable: {type(failure).__name__}"}, status_code=503
        )
    if silence.status == "critical":
        return Response({"status": "not ready", "reason": silence.sentence()}, status_code=503)
    told = {
        "status": silence.status if failure is None else "ready, the log waits for its signer",
        "policy": bank.gate.policy.version,
        "unsigned_seconds": int(silence.unsigned_seconds),
    }
    if bank.level is not None:
        told["assurance"] = f"{bank.level} {LEVELS[bank.level]}"
    return Response(told | ({"reason": silence.sentence()} if silence.status == "late" else {}))


async def log_bugs(failure: Exception, scope: Scope) -> None:
    """Hook after an exception: what is no refusal is a bug and goes to the process's own log."""
    if faces.as_refusal(failure) is None:
        LOGGER.error("unhandled at %s", scope.get("path_template"), exc_info=failure)


def slices() -> list[Any]:
    """Return the controllers of every slice, interface and pages."""
    found: list[Any] = [*acts.ROUTES, *page_frame.ROUTES, *frame_pages.ROUTES, *paper_pages.ROUTES]
    for name in SLICES:
        for face in ("api", "pages"):
            if importlib.util.find_spec(f"service.{name}.{face}") is not None:
                found.extend(importlib.import_module(f"service.{name}.{face}").ROUTES)
    return found


def every_route() -> Litestar:
    """Return the routes alone, without a bank behind them: to be listed, not to be served."""
    routes = [live, ready, *inside.ROUTES, *slices()]
    return Litestar(route_handlers=routes, dependencies=PROVIDED, openapi_config=described())


def described() -> OpenAPIConfig:
    """Return how the interface describes itself."""
    return OpenAPIConfig(
        title="Trennwand",
        version="0.1.0",
        openapi_router=contract.router(),
        render_plugins=[contract.ContractFile(path="/openapi.json")],
    )


def create_app(bank: House) -> Litestar:
    """Return the application on an open bank. Raises Ungoverned if a route or a job stands for no act."""
    app = Litestar(
        route_handlers=[live, ready, *inside.ROUTES, *slices()],
        middleware=[Authentication, faces.StrictBodies, page_forms.FormShield],
        dependencies=PROVIDED,
        exception_handlers={
            Refusal: page_frame.write_failure,
            HTTPException: page_frame.write_failure,
            Exception: page_frame.write_failure,
        },
        after_exception=[faces.record_outside_gate, log_bugs],
        before_send=[with_security_headers],
        openapi_config=described(),
        request_max_body_size=faces.BATCH_BYTES_MAX,
        logging_config=None,
    )
    app.state.bank = bank
    app.state.gate = bank.gate
    matrix.must_be_governed([*matrix.routes(app), *matrix.jobs()], bank.policy)
    return app
