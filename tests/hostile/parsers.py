"""Every reader of what comes from outside, with honest bytes for it and how it may answer.

A reader takes bytes and says whether it accepted them; it refuses by its own declared error alone. Anything else that
it raises is a surprise, and so is an answer that does not hold what was accepted.
"""

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from audit import keys
from policies.policy import HERE
from service import page_frame
from service.app import slices
from service.gate import USE_CASES
from service.kernel import cursors, identifiers
from tests.audit.hostile import targets
from tests.bank import PASSWORD
from tests.deals import TERMS
from tests.hostile.feeds import (
    LEI,
    NOW,
    feed_amount,
    feed_base64,
    feed_body,
    feed_command,
    feed_cookies,
    feed_cursor,
    feed_deal,
    feed_deals,
    feed_fixings,
    feed_form,
    feed_headers,
    feed_identifier,
    feed_line,
    feed_log_path,
    feed_message,
    feed_moment,
    feed_multipart,
    feed_paper,
    feed_pem,
    feed_people,
    feed_policy,
    feed_rates,
    feed_settings,
    feed_sign_in,
    feed_staff,
    feed_status,
    policy_files,
    temporary,
)
from tests.messages import REJECTED, deposit, entry, fx, iso, notification, statement

ACCEPTANCE = os.environ.get("ACCEPTANCE_DATA")


@dataclass(frozen=True)
class Parser:
    """A reader: ``feed`` tells whether bytes were accepted; ``modules`` are those that it reads through."""

    feed: Callable[[bytes], bool]
    seeds: tuple[bytes, ...]
    modules: tuple[str, ...]
    words: tuple[bytes, ...] = ()


def stored(*patterns: str) -> tuple[bytes, ...]:
    """Return what others published, where it is there."""
    folder = Path(ACCEPTANCE) if ACCEPTANCE else None
    return tuple(
        file.read_bytes()[:60_000]
        for pattern in patterns
        for file in (sorted(folder.glob(pattern)) if folder and folder.is_dir() else ())
    )


# The list -----------------------------------------------------------------------------------------------

OWN_CSV = (
    b"type,side,base,quote,base_amount,rate,trade_date,value_date,counterparty,portfolio,executed_at,side_agreements\n"
    b"fx_spot,buy,EUR,USD,1000000.00,1.0850,2026-10-28,2026-10-30,529900DTJ5A7S5UCBB52,FX-EUR,2026-10-28T09:00:00Z,none\n"
)
STAFF = b"staff_number,event,effective_on,unit,name\nE-1,joiner,2026-01-01,Legal,a joiner\nE-2,leaver,2026-02-01,,\n"
FIXINGS = b"Date,USD,JPY,\n2026-10-27,1.1652,177.20,\n2026-10-26,N/A,177.10,\n"
FORM = b"_token=abc&version=1&reason=entered+twice&base_amount=1.000.000%2C00&fields.rate=1%2C1&executed_at=2026-10-27T08:00"
PARTED = (
    b'--parted\r\nContent-Disposition: form-data; name="_token"\r\n\r\nabc\r\n--parted\r\n'
    b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n1,2\r\n--parted--\r\n'
)
LINES = (
    b"S 10M GBPUSD 1.42 COMMERZBANK SPOT",
    b"B 500K EURUSD 1.1650 1W FX-EUR",
    b"SELL 1,5m eur/usd 1.1+12 2026-11-27",
)
TEXTS = (
    b"2026-10-28", b"2026-10-28T09:15:00Z", b"2026-10-28T09:15", b"0001-01-01T00:00", b"9999-12-31T23:59:59-12:00",
    b"0001-01-01T00:00:00+14:00", b"2026-03-29T02:30", b"20261028", b"2026-W44-3",
)  # fmt: skip
NUMBERS = (b"1000000.00", b"-0.00000001", b"1.000.000,00", b"10m", b"1e9", b"NaN", "١٢".encode(), b"1\n")
SAID = str(
    page_frame.said_cookie(page_frame.Said(good=True, action="trade.verify", sentence="It is done.")).value
).encode()
PEOPLE = {"person": "one", "unit": "FX desk", "accounts": [{"account": "one", "roles": ["trader"]}]}
COMMANDS: Mapping[str, Mapping[str, Any]] = {
    "trade.capture": TERMS,
    "trade.verify": {"trade_id": "01a203bb-e2aa-721d-be87-4f6ec1b5d94f", "version": 1},
    "cancellation.request": {"trade_id": "01a203bb-e2aa-721d-be87-4f6ec1b5d94f", "version": 1, "reason": "entered twice"},
    "limit.propose": {"counterparty": LEI, "amount_eur": "1.00", "valid_from": "2026-10-27", "valid_to": "2026-10-28", "reason": "a test"},
    "organisation.propose": {"valid_from": "2999-01-01", "reason": "one day", "lines": [{"unit": "LEGAL", "functional_head": "x"}]},
    "desk_rule.propose": {"product": "fx_spot", "at": "18:00", "reason": "as agreed"},
}  # fmt: skip


def zipped(name: str, content: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def pem_seeds() -> tuple[bytes, ...]:
    key = keys.generate()
    path = Path(temporary().name) / "honest.pem"
    path.unlink(missing_ok=True)
    keys.save_private(path, key)
    return (path.read_bytes(), b"bank.example+5f1c2a3b+AXg2Yk5jd0E=")


XML = (b"<!DOCTYPE a [<!ENTITY e 'x'>]>", b"&e;", b"<![CDATA[", b"</", b"<a><a><a>", b"xmlns='", b"\x00")


@cache
def parsers() -> dict[str, Parser]:
    """Return every reader by its name."""
    slices()  # the use cases are known once every slice is there
    assert USE_CASES
    verifier = {
        f"the verifier: {name}": Parser(_always(target.feed), target.seeds, ("audit/*",))
        for name, target in targets().items()
    }
    return files() | requests() | administration() | verifier


def files() -> dict[str, Parser]:
    """Return the readers of messages and files."""
    messages = (
        iso("pacs.002.001.10", REJECTED), iso("camt.054.001.08", notification(entry("<Sts><Cd>BOOK</Cd></Sts>"))), statement("2.50"),
        *_written(),
    )  # fmt: skip
    return {
        "messages: MT300, MT320, FpML, pacs.002, camt.053, camt.054": Parser(
            feed_message, (*messages, *stored("swift/*.txt", "camt/*.xml", "fpml/*.xml")),
            ("service/messages/*",), (*XML, b":32B:EUR1,", b"{4:", b"\r\n:", b"9" * 40),
        ),
        "files of deals: our CSV, Strata, FpML": Parser(
            feed_deals, (OWN_CSV, *stored("strata/*.csv", "fpml/*.xml")), ("service/importing/*",), (*XML, b'"', b";", b",,,", b"\xef\xbb\xbf"),
        ),
        "what a bank says of payments": Parser(feed_status, messages[:3], ("service/settlement/statuses.py",), XML),
        "the ECB's fixings": Parser(
            feed_fixings, (FIXINGS, zipped("eurofxref-hist.csv", FIXINGS), zipped("a.csv", b"0" * 100_000)), ("service/market/ecb.py",), (b"N/A", b"PK"),
        ),
        "reference rates": Parser(feed_rates, (b'{"USD": "1.1652", "GBP": "0.8741"}',), ("service/market/reference_rates.py",)),
        "staff events": Parser(feed_staff, (STAFF,), ("service/staff_files.py", "service/importing/tables.py")),
        "bytes in base64": Parser(feed_base64, (b"aGVsbG8=", b""), ("service/confirmations/inbound.py",)),
        "papers and their names": Parser(
            feed_paper, (b"%PDF-1.7", b"../../etc/passwd", "Bestätigung \u202egpj.exe".encode(), b"a\r\nSet-Cookie: x"), ("service/documents/kinds.py",),
        ),
    }  # fmt: skip


def requests() -> dict[str, Parser]:
    """Return the readers of what a request or a form holds."""
    return {
        "JSON bodies": Parser(feed_body, (json.dumps(TERMS).encode(), b'{"version": 1}', b"[" * 1100), ("service/faces.py",), (b"NaN", b'"a":1,"a":2', b"\\ud800")),
        "commands": Parser(
            feed_command, tuple(f"{act} {json.dumps(told)}".encode() for act, told in COMMANDS.items()),
            ("service/acts.py", "service/gate.py"), (b"null", b"1e999", b"[]", b"true", b"\\u0000", b"9999-12-31", b"24:00"),
        ),
        "deals as JSON": Parser(feed_deal, (json.dumps(TERMS).encode(),), ("service/trades/api.py",), (b"null", b"1e999", b"\\ud800")),
        "forms": Parser(feed_form, (FORM, b"a=1&a=2", b""), ("service/page_forms.py",), (b"&", b"=", b"%00", b"%ff", b"_", b"..")),
        "forms with a file": Parser(feed_multipart, (PARTED, PARTED.replace(b"parted", b"other")), ("service/page_forms.py",), (b"--parted", b"\r\n\r\n", b"filename*=UTF-8''%ff")),
        "cookies": Parser(feed_cookies, (SAID, b"W1tbW1tb", b"de-DE,de;q=0.9"), ("service/page_frame.py", "service/ui/languages.py")),
        "headers": Parser(feed_headers, (b"Bearer abc", b"a-key-of-a-client", b"127.0.0.1"), ("service/faces.py",)),
        "sign-in on its way to an office": Parser(
            feed_sign_in, (json.dumps({"account": "trader", "password": PASSWORD}).encode(), b"account=trader&password=x"), ("service/router.py",),
        ),
        "cursors": Parser(feed_cursor, (cursors.cursor_of(NOW, identifiers.uuid7()).encode(), b"x"), ("service/kernel/cursors.py",)),
        "amounts and rates": Parser(feed_amount, NUMBERS, ("service/kernel/money.py", "service/ui/formats.py")),
        "days and times": Parser(
            feed_moment, TEXTS,
            ("service/ui/formats.py", "service/compliance/queries.py", "service/reports/queries.py", "service/page_forms.py"), (b"T", b"+23:59", b"-", b"Z"),
        ),
        "LEI, BIC, IBAN and account numbers": Parser(
            feed_identifier, (LEI.encode(), b"COBADEFF", b"DE89370400440532013000", b"000123456789"), ("service/kernel/identifiers.py", "service/parties/account_numbers.py"),
        ),
        "shorthand of a deal": Parser(feed_line, LINES, ("service/trades/shorthand.py",), (b"SPOT", b"1M", b"EURUSD", b"31.12.9999", b"99999999999Y")),
        "paths of the log's files": Parser(feed_log_path, (b"0/000", b"entries/000.p/3", b"../secret", b"0/../../../secret"), ("service/audit_trail/published.py",), (b"..", b"/", b"%2e", b"\x00")),
    }  # fmt: skip


def administration() -> dict[str, Parser]:
    """Return the readers of what an administrator or the author of a policy brings."""
    return {
        "settings": Parser(feed_settings, (b'demo = true\nport = 8000\nhost = "127.0.0.1"\n',), ("service/settings.py",), (b"[", b"=", b'"""', b"2026-10-28")),
        "files of the policy": Parser(
            feed_policy, tuple(b"\n".join((name.encode(), (HERE / name).read_bytes()[:6000])) for name in policy_files()), ("policies/*",), (b", ", b"#", b"\n"),
        ),
        "people to try a policy on": Parser(feed_people, (json.dumps([PEOPLE]).encode(), b"person,account,roles,unit,deputy_for,service\none,one,trader,FX desk,,\n"), ("policies/people.py",)),
        "keys": Parser(feed_pem, pem_seeds(), ("audit/keys.py", "audit/note.py")),
    }  # fmt: skip


def _always(feed: Callable[[bytes], None]) -> Callable[[bytes], bool]:
    """Take what only fails or does not as accepted."""

    def fed(data: bytes) -> bool:
        feed(data)
        return True

    return fed


def _written() -> tuple[bytes, ...]:
    from service.messages import fpml_confirmation, mt300, mt320

    return (
        mt300.write(fx(off_market_clause="agreed at off-market terms")),
        mt320.write(deposit()),
        fpml_confirmation.write(fx(), made_at=NOW),
        fpml_confirmation.write(deposit(), made_at=NOW),
    )
