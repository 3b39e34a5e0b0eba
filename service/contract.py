"""The interface as a file: every route, and with each the refusals that it can meet."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from litestar import Litestar, Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from service.faces import PROBLEM_JSON, action_of, is_api, is_batch
from service.kernel.errors import NotFound

TEXT: Final = {"type": "string"}
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457): `field` names the input, `rule` the control, `decision` the log's entry.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "code", "field", "rule", "decision"), TEXT),
        "status": {"type": "integer"},
    },
}
BODY: Final = frozenset({400, 413, 415})
"""What a body can be refused for before anything of it is understood."""


class ContractFile(JsonRenderPlugin):
    """Litestar's description of the routes, with the refusals that it cannot know."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the file."""
        return super().render(request, with_refusals(request.app, openapi_schema))


def router() -> Router:
    """Return where the file is served; other addresses there are refused as everywhere else."""
    return Router("/api", route_handlers=[], include_in_schema=False, before_request=nowhere_else)


async def nowhere_else(request: Request[Any, Any, Any]) -> None:
    """Refuse what Litestar would answer with a page of its own. Raises NotFound."""
    if "path" in request.path_params:
        raise NotFound("address")


def with_refusals(app: Litestar, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description with a problem for each status that an operation refuses with."""
    schema["components"]["schemas"]["Problem"] = PROBLEM
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, method, handler in operations(app):
        operation: Mapping[str, Any] | None = schema["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            as_answered(operation["responses"], handler)
            for status in sorted(refusals_of(path, method, handler)):
                operation["responses"][str(status)] = {
                    "description": HTTPStatus(status).phrase,
                    "content": content,
                }
    return schema


def as_answered(responses: dict[str, Any], handler: HTTPRouteHandler) -> None:
    """Correct what is said of the answers that allow: a 204 has no body, and a file comes as what it is.

    ``answers_as`` in a handler's options names the media types of its files where there are several.
    """
    responses.get(str(HTTPStatus.NO_CONTENT.value), {}).pop("content", None)
    for kind in handler.opt.get("answers_as", ()):
        content = responses[str(HTTPStatus.OK.value)]["content"]
        content[kind] = next(iter(content.values()))


def operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Give the path, the method and the handler of each operation."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    yield route.path_format or "/", str(method), handler


def refusals_of(path: str, method: str, handler: HTTPRouteHandler) -> frozenset[int]:
    """Return the statuses that the operation refuses with; ``refusals`` in its options are its very own.

    Many acts in one request are refused one by one, inside its answer.
    """
    found = set(handler.opt.get("refusals", ()))
    guarded = action_of(handler) is not None
    if guarded:
        found |= {400, 401, 403, 503}
    if "{" in path:
        found.add(404)
    if is_api(path) and method != "GET":
        found |= BODY
    if guarded and method != "GET" and not is_batch(path):
        found |= {"POST": {404, 409, 422, 503}, "PUT": {422, 503}}.get(method, {503})
    return frozenset(found)
