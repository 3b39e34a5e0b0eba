"""Forms and addresses as the pages take them: who may send a form, and how what was typed becomes a command."""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import UploadFile
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from service import faces
from service.kernel.errors import Malformed, Refusal
from service.kernel.money import UnreadableAmount, parse_amount
from service.ui.formats import typed_day, typed_moment, typed_number
from service.ui.languages import Language

SESSION_COOKIE: Final = "__Host-trennwand"
FORM_FIELDS_MAX: Final = 60
OPEN_FORMS: Final = frozenset({"/sign-in", "/demo-desk", "/language", "/theme", "/keys"})
"""Forms that may be sent without a session; the browser's word on where they come from must do."""
PAPERS: Final = "/papers/"
"""Where forms bring a file with them; only somebody who is signed in is listened to that long."""
PAPER_BYTES_MAX: Final = 11 * 1024 * 1024  # ten megabytes, and the fields around them
ANY_MEMBER: Final = "[...]"
"""The end of the place of something wrong within an object, whichever member it is."""
LISTED: Final = "[]"
"""The end of the name of a field that holds several things, apart by commas."""
AMOUNTS: Final = frozenset(
    {"amount", "amount_eur", "base_amount", "buy_amount", "interest", "max_eur", "principal", "sell_amount"}
)
RATES: Final = frozenset(
    {"amounts", "forward_points", "rate", "rate_bp", "rate_percent", "rates", "spot_rate", "tolerance_bp"}
)
CURRENCIES: Final = frozenset({"base", "currency", "quote"})
DAYS: Final = frozenset({"day", "effective_on", "first_day", "last_day"})
DAY: Final = "_date"
"""The end of the name of any other field that holds a day."""
MOMENTS: Final = frozenset({"effective_at", "executed_at", "valid_from", "valid_to"})
"""Times of Berlin; of what is in force by the day, days."""
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)
RowT = TypeVar("RowT")
TextT = TypeVar("TextT", bound=str)


class ForgedForm(Refusal):
    """403. The form was not sent from a page of this service to this session."""

    status = 403


def is_page(path: str) -> bool:
    """Tell whether a path is one of the pages: neither interface, nor health, nor a static file."""
    return not faces.is_api(path) and not path.startswith(("/health/", "/static/"))


def token_of(scope: Scope) -> tuple[str | None, str]:
    """Return the token a request shows and the face it shows it to; neither face takes the other's."""
    if faces.is_api(scope["path"]):
        return faces.bearer_token(scope), "api"
    if is_page(scope["path"]):
        return session_token(ASGIConnection(scope)), "web"
    return None, "api"


def session_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Return the token that the browser's session cookie holds."""
    return connection.cookies.get(SESSION_COOKIE) or None


def form_token(session: str) -> str:
    """Return what every form of this session carries: bound to it, computed again and stored nowhere."""
    return hmac.new(session.encode(), b"trennwand form", hashlib.sha256).hexdigest()


def local_path(path: str | None, otherwise: str = "/") -> str:
    """Return a path of our own pages to go to; anything that could lead elsewhere becomes ``otherwise``."""
    if path is None or re.fullmatch(r"/(?![/\\])[!-\[\]-~]{0,500}", path, re.ASCII) is None:
        return otherwise
    return path if is_page(path) else otherwise


class FormShield:
    """Middleware of the pages: a form is taken only from a page of ours, and only for the session it was made for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check where a form comes from, read it once, and leave it in the state as ``form``."""
        if (
            scope["type"] != ScopeType.HTTP
            or scope["method"] in ("GET", "HEAD", "OPTIONS")
            or faces.is_api(scope["path"])
        ):
            await self.app(scope, receive, send)
            return
        request: Request[Any, Any, Any] = Request(scope)
        must_be_ours(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["path"].startswith(PAPERS):
            faces.actor_of(request)
            form, scope["state"]["paper"] = await with_a_paper(scope, receive, kind)
        elif kind == "application/x-www-form-urlencoded":
            form = fields_in(await faces.whole_body(receive, faces.BODY_BYTES_MAX))
        else:
            raise faces.WrongMediaType("A form is application/x-www-form-urlencoded.", field="Content-Type")
        session = session_token(request)
        if session is not None and scope["path"] not in OPEN_FORMS:
            must_be_bound(form.get("_token", ""), session)
        scope["state"]["form"] = form

        async def nothing() -> HTTPReceiveMessage:
            return {"type": "http.request", "body": b"", "more_body": False}

        await self.app(scope, nothing, send)


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that a form brought with it: what its sender calls it and what it is, and its bytes."""

    name: str
    media_type: str
    content: bytes


async def with_a_paper(scope: Scope, receive: Receive, kind: str) -> tuple[dict[str, str], Paper]:
    """Return the fields of a form and the one file in it. Raises Malformed, WrongMediaType, BodyTooLarge."""
    if kind != "multipart/form-data":
        raise faces.WrongMediaType("A form with a file is multipart/form-data.", field="Content-Type")
    body = await faces.whole_body(receive, PAPER_BYTES_MAX)

    async def replay() -> HTTPReceiveMessage:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        form = await Request[Any, Any, Any](scope, receive=replay).form()
    except (ValueError, HTTPException) as failure:
        raise Malformed("The form cannot be read.") from failure
    try:
        return await taken_apart(list(form.multi_items()))
    finally:
        await form.close()


async def taken_apart(parts: list[tuple[str, Any]]) -> tuple[dict[str, str], Paper]:
    """Return the fields among the parts of a form, and its file. Raises Malformed for one that could be read in two ways."""
    files = [part for name, part in parts if isinstance(part, UploadFile) and name == "file"]
    fields = [(name, part) for name, part in parts if isinstance(part, str)]
    if len(parts) > FORM_FIELDS_MAX or len(files) != 1 or len(fields) + 1 != len(parts):
        raise Malformed("This form brings one file with it.", field="file")
    paper = Paper(files[0].filename, files[0].content_type, await files[0].read())
    return cast("dict[str, str]", faces.unique_keys(cast("list[tuple[str, Any]]", fields))), paper


def must_be_ours(request: Request[Any, Any, Any]) -> None:
    """Raise ForgedForm unless the browser says that a page of this very origin sent the form."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        ours = site == "same-origin"
    else:
        host = request.headers.get("host", "")
        ours = request.headers.get("origin") in (f"{request.url.scheme}://{host}", f"https://{host}")
    if not ours:
        raise ForgedForm("This form was not sent from a page of this service.")


def must_be_bound(token: str, session: str) -> None:
    """Raise ForgedForm unless the token was made for this session."""
    if not hmac.compare_digest(token.encode(), form_token(session).encode()):
        raise ForgedForm("This form belongs to another session. Load the page again and repeat it.")


def fields_in(body: bytes) -> dict[str, str]:
    """Return the fields of a form. Raises Malformed for one that could be read in two ways."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="utf-8",
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except ValueError as failure:
        raise Malformed("The form cannot be read.") from failure
    return cast("dict[str, str]", faces.unique_keys(cast("list[tuple[str, Any]]", pairs)))


def command_fields(form: Mapping[str, str], language: Language) -> dict[str, Any]:
    """Return the command's fields: what was left blank is absent, numbers and times are read as typed.

    ``fields.rate`` stands for the member ``rate`` of the object ``fields``; names with an underscore in
    front belong to the frame.
    """
    found: dict[str, Any] = {}
    for name, typed in form.items():
        said = typed.strip()
        if name.startswith("_") or not said:
            continue
        group, _, member = name.rpartition(".")
        into = found.setdefault(group, {}) if group else found
        if not isinstance(into, dict):
            raise Malformed("The form cannot be read.", field=group)
        if member.endswith(LISTED):
            into[member.removesuffix(LISTED)] = [one.strip() for one in said.split(",") if one.strip()]
        else:
            into[member] = read_as(member, said, language)
    return found


def read_as(name: str, typed: str, language: Language) -> str:
    """Return what was typed into a field of this name as commands take it."""
    if name in AMOUNTS or name in RATES:
        return typed_number(typed, language, grouped=name in AMOUNTS)
    if name in DAYS or name.endswith(DAY):
        return typed_day(typed)
    if name in CURRENCIES:
        return typed.upper()
    return typed_moment(typed) if name in MOMENTS else typed


def decoded(command: type[Any], fields: dict[str, Any]) -> Any:
    """Return the command that the form spells. Raises Malformed naming the field in words for people."""
    try:
        return msgspec.convert(fields, command, strict=False)
    except msgspec.ValidationError as failure:
        said = str(failure)
        if (missing := re.search(r"missing required field `([^`]+)`", said)) is not None:
            raise Malformed("This has to be filled in.", field=missing.group(1)) from failure
        where = re.search(r"at `\$\.?([^`]*)`", said)
        name = field_named(where.group(1), fields, command) if where is not None else None
        raise Malformed("This cannot be read as it stands; correct it.", field=name or None) from failure


def field_named(place: str, fields: Mapping[str, Any], command: type[Any]) -> str:
    """Return the field of a form at a place in its command: of an object with free names, the member that is wrong.

    There msgspec says ``fields[...]``; each member is tried alone to find which one it means.
    """
    group = place.removesuffix(ANY_MEMBER)
    members = fields.get(group)
    if group == place or not isinstance(members, dict):
        return place
    for name, value in members.items():
        try:
            msgspec.convert({**fields, group: {name: value}}, command, strict=False)
        except msgspec.ValidationError as failure:
            if place in str(failure):
                return f"{group}.{name}"
    return group


def in_order(rows: list[RowT], sort: str, by: Mapping[str, Callable[[RowT], Any]]) -> list[RowT]:
    """Return rows in the order that an address asks for: by a name of ``by``, falling where a minus stands before it.

    Raises Malformed.
    """
    name = sort.removeprefix("-")
    if not sort:
        return rows
    if name not in by:
        raise Malformed("There is no such choice.", field="sort")
    return sorted(rows, key=by[name], reverse=sort.startswith("-"))


def among(choices: Collection[TextT], written: str, field: str) -> TextT | None:
    """Return which of the choices a filter names, by their text; none if it names nothing. Raises Malformed."""
    found = next((one for one in choices if one == written), None)
    if written and found is None:
        raise Malformed("There is no such choice.", field=field)
    return found


def one_of(kind: type[ChoiceT], written: str, name: str) -> ChoiceT | None:
    """Return the choice that a filter names; nothing chosen is None. Raises Malformed."""
    if not written:
        return None
    try:
        return kind(written)
    except ValueError:
        raise Malformed("There is no such choice.", field=name) from None


def day_in(written: str, name: str) -> date | None:
    """Return the day that a filter names. Raises Malformed."""
    if not written:
        return None
    try:
        return date.fromisoformat(typed_day(written))
    except ValueError:
        raise Malformed("This is no date.", field=name) from None


def number_in(written: str, name: str, language: Language) -> Decimal | None:
    """Return the number, zero or more, that a filter names. Raises Malformed."""
    if not written:
        return None
    with suppress(UnreadableAmount):
        if (found := parse_amount(typed_number(written, language, grouped=False))) >= 0:
            return found
    raise Malformed("This has to be a number, zero or more.", field=name)


def id_in(written: str, name: str) -> UUID | None:
    """Return the id that a filter names. Raises Malformed."""
    if not written:
        return None
    try:
        return UUID(written)
    except ValueError:
        raise Malformed("This is no id.", field=name) from None
