"""How each reader is fed: bytes in, accepted or not out; what it raises beside its declared error is a surprise."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from litestar import Litestar, Request, post
from litestar.connection import ASGIConnection

from audit import keys, note
from policies import apart, cooling_off, independence, people, periods, rights, separation, tables, tasks
from policies.policy import Policy, load
from policies.rows import PolicyError
from service import acts, faces, page_forms, page_frame, router, staff_files
from service import settings as settings_of
from service.audit_trail import published
from service.compliance import queries as compliance
from service.confirmations.inbound import bytes_of
from service.documents.api import disposition
from service.documents.kinds import BEGINS, is_what_it_says, safe_name
from service.importing import rows as deal_rows
from service.importing.keys import keyed
from service.importing.reading import read as read_deals
from service.importing.rows import Defaults, RowRefused, UnreadableFile
from service.kernel import cursors, identifiers, money
from service.kernel.errors import Malformed, Refusal
from service.market import ecb, reference_rates
from service.messages.recognise import recognised
from service.messages.terms import Unreadable
from service.parties.account_numbers import check_account_number
from service.reports import queries as reports
from service.settlement import statuses
from service.trades.api import read_deal
from service.trades.shorthand import Around, LineUnread, Party, read_line
from service.ui import formats

NOW = datetime(2026, 10, 28, 9, tzinfo=UTC)
DEFAULTS = Defaults(
    counterparty="529900DTJ5A7S5UCBB52", portfolio="FX", executed_at=NOW, roll="following", we_are="us"
)
LEI = "529900DTJ5A7S5UCBB52"


def accepted(read: Callable[[], Any], *declared: type[Exception]) -> bool:
    try:
        read()
    except declared:
        return False
    return True


def must(hold: bool) -> None:  # noqa: FBT001
    assert hold


def text_of(data: bytes) -> str:
    """Return the text that JSON, a form or a query can bring: any character, half a surrogate pair as well."""
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")


def as_text(data: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return text_of(data)
    return data.decode("latin-1")


@cache
def temporary() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="fuzz-")


def file_with(data: bytes, name: str) -> Path:
    path = Path(temporary().name) / name
    path.write_bytes(data)
    return path


# Messages and files -----------------------------------------------------------------------------------


def feed_message(data: bytes) -> bool:
    try:
        recognised(data, "any name")
    except Unreadable as refused:
        must(bool(refused.field) and str(refused).isprintable())
        return False
    return True


def feed_deals(data: bytes) -> bool:
    try:
        found = list(keyed(read_deals(data, DEFAULTS)))
    except UnreadableFile as unreadable:
        must("\n" not in unreadable.sentence)
        return False
    for row, _ in found:
        assert (row.deal is None) != (row.refusal is None)
    return any(row.deal is not None for row, _ in found)


def feed_status(data: bytes) -> bool:
    found = statuses.read(data)
    assert found
    return all(row.get("finding") not in ("unreadable", "no_status", "too_many") for row in found)


def feed_fixings(data: bytes) -> bool:
    def read() -> None:
        assert all(fixing.rate > 0 for fixing in ecb.read_fixings(data))

    return accepted(read, ecb.UnreadableFixings)


def feed_rates(data: bytes) -> bool:
    told = json_object(data)
    if told is None or not all(isinstance(one, str) for one in told.values()):
        return False
    return accepted(lambda: reference_rates.checked_rates(told), reference_rates.UnusableRate)


def feed_staff(data: bytes) -> bool:
    file = file_with(data, "staff.csv")
    return accepted(lambda: list(staff_files.read(file)), UnreadableFile, RowRefused)


def feed_base64(data: bytes) -> bool:
    return accepted(lambda: bytes_of(as_text(data)), Refusal)


def feed_paper(data: bytes) -> bool:
    """A name that is safe is one word of a file system, and of a header."""
    name = safe_name(as_text(data))
    assert name
    assert not {"/", "\\", "\r", "\n", "\x00"} & set(name)
    assert name not in (".", "..")
    assert disposition(name).isascii()
    assert "\n" not in disposition(name)
    return any(is_what_it_says(data, kind) for kind, begins in BEGINS.items() if begins)


# Requests ---------------------------------------------------------------------------------------------


def json_object(data: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def feed_body(data: bytes) -> bool:
    return accepted(lambda: faces.check_json("application/json", data), Malformed)


def feed_command(data: bytes) -> bool:
    """The name of an act, a space, and what its command might be."""
    name, _, body = data.partition(b" ")
    fields = json_object(body)
    if fields is None:
        return False

    def read() -> None:
        acts.decoded(acts.use_case_named(name.decode("utf-8", "replace")).command, fields)

    return accepted(read, Malformed)


def feed_deal(data: bytes) -> bool:
    fields = json_object(data)
    return fields is not None and not isinstance(read_deal(fields), Malformed)


def feed_form(data: bytes) -> bool:
    def read() -> None:
        form = page_forms.fields_in(data)
        for language in ("de", "en"):
            page_forms.command_fields(form, language)  # type: ignore[arg-type]

    return accepted(read, Malformed)


def feed_multipart(data: bytes) -> bool:
    """A form with a file, cut into parts at the boundary that its header names."""
    kind = b'multipart/form-data; boundary="parted"'
    scope = {
        "type": "http", "method": "POST", "path": "/papers", "query_string": b"", "state": {},
        "headers": [(b"content-type", kind), (b"content-length", str(len(data)).encode())], "litestar_app": bare_app(),
        "route_handler": next(handler for route in bare_app().routes for handler in route.route_handlers),  # type: ignore[union-attr]
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": data, "more_body": False}

    async def read() -> None:
        await page_forms.with_a_paper(scope, receive, "multipart/form-data")  # type: ignore[arg-type]

    return accepted(lambda: _loop().run_until_complete(read()), Malformed)


@post("/papers")
async def papers() -> None:
    """Stand for the routes that take a form with a file."""


@cache
def bare_app() -> Litestar:
    return Litestar([papers], openapi_config=None)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def feed_cookies(data: bytes) -> bool:
    value = b"=".join((page_frame.SAID_COOKIE.encode(), data.replace(b";", b"")))
    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "state": {},
        "headers": [(b"cookie", value), (b"accept-language", data[:200])],
    }  # fmt: skip
    connection: ASGIConnection[Any, Any, Any, Any] = Request(scope)  # type: ignore[arg-type]
    assert page_frame.language_of(connection) in ("de", "en")
    return page_frame.said_before(connection) is not None


def feed_headers(data: bytes) -> bool:
    scope: Any = {"headers": [(b"authorization", data)], "client": (as_text(data), 1)}
    faces.device_of(scope)
    token = faces.bearer_token(scope)
    assert token is None or " " not in token
    return accepted(lambda: faces.checked_key(data.decode("latin-1")), Malformed)


def feed_sign_in(data: bytes) -> bool:
    found = [router.account_in(data, face) for face in ("api", "pages")]
    return any(one is not None for one in found)


def feed_cursor(data: bytes) -> bool:
    def read() -> None:
        place = cursors.place_of(as_text(data))
        assert place is not None
        assert cursors.cursor_of(place.at, place.id) == as_text(data)

    return accepted(read, Malformed)


def feed_amount(data: bytes) -> bool:
    text = as_text(data)
    for language in ("de", "en"):
        for grouped in (False, True):
            assert isinstance(formats.typed_number(text, language, grouped=grouped), str)  # type: ignore[arg-type]

    def read() -> None:
        assert money.parse_amount(money.plain(money.parse_amount(text))) == money.parse_amount(text)

    return accepted(read, money.UnreadableAmount)


def feed_moment(data: bytes) -> bool:
    """Days and times wherever somebody may write one; read back, they are the same or as they were typed."""
    text = as_text(data)
    formats.typed_moment(text)
    found = [
        accepted(lambda: compliance.instant(text, "from"), Refusal),
        accepted(lambda: reports.end_of(text, NOW), Refusal),
        accepted(lambda: page_forms.day_in(text, "day"), Malformed),
        accepted(lambda: deal_rows.instant(text, "executed_at"), RowRefused),
        accepted(lambda: deal_rows.iso_date(text, "value_date"), RowRefused),
    ]
    return any(found)


def feed_identifier(data: bytes) -> bool:
    text = as_text(data)
    checks = (identifiers.check_lei, identifiers.check_bic, identifiers.check_iban)
    found = [accepted(lambda check=check: check(text), identifiers.InvalidIdentifier) for check in checks]  # type: ignore[misc]
    found += [
        accepted(lambda code=code: check_account_number(text, code), identifiers.InvalidIdentifier)  # type: ignore[misc]
        for code in ("EUR", "USD")
    ]
    return any(found)


def feed_line(data: bytes) -> bool:
    around = Around("de", date(2026, 10, 27), (Party(LEI, "Commerzbank AG"),), ("FX-EUR",))

    def read() -> None:
        assert all(isinstance(value, str) for value in read_line(as_text(data), around).values())

    return accepted(read, LineUnread)


def feed_log_path(data: bytes) -> bool:
    """No path leads out of the log's directory."""
    outside = Path(temporary().name)
    (outside / "log" / "tile" / "0").mkdir(parents=True, exist_ok=True)
    (outside / "log" / "tile" / "0" / "000").write_bytes(b"a tile")
    (outside / "secret").write_bytes(b"a secret")
    try:
        return published.tile(outside / "log", as_text(data)) != b"a secret"
    except published.NoSuchFile:
        return False


# What an administrator or a policy's author brings ------------------------------------------------------


def feed_settings(data: bytes) -> bool:
    folder = Path(temporary().name) / "settings"
    folder.mkdir(exist_ok=True)
    (folder / "trennwand.toml").write_bytes(data)
    return accepted(lambda: settings_of.load(folder, {}), settings_of.BadSettings)


@cache
def the_policy() -> Policy:
    return load()


def policy_files() -> dict[str, Callable[[bytes], Any]]:
    return {
        rights.FILE: rights.parse,
        separation.FILE: lambda content: separation.parse(content, the_policy().offices),
        apart.FILE: apart.parse,
        tables.FILE: tables.parse,
        periods.FILE: periods.parse,
        tasks.FILE: tasks.parse,
        independence.FILE: independence.parse,
        independence.LINES_FILE: independence.parse_lines,
        cooling_off.FILE: cooling_off.parse,
    }


def feed_policy(data: bytes) -> bool:
    """The name of a file of the policy, a line break, and what it might hold."""
    name, _, content = data.partition(b"\n")
    parse = policy_files().get(name.decode("latin-1"))
    return parse is not None and accepted(lambda: parse(content), PolicyError)


def feed_people(data: bytes) -> bool:
    files = [file_with(data, f"people{suffix}") for suffix in people.READERS]
    read = [accepted(lambda file=file: people.read(file, the_policy()), PolicyError) for file in files]  # type: ignore[misc]
    return any(read)


def feed_pem(data: bytes) -> bool:
    file = file_with(data, "key.pem")
    found = [
        accepted(lambda: keys.load_public(str(file)), keys.UnusableKey),
        accepted(lambda: keys.load_private(file), keys.UnusableKey),
        accepted(lambda: note.VerifierKey.parse(as_text(data)), note.MalformedKey),
    ]
    return any(found)
