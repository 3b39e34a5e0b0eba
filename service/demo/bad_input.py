"""Requests that say something impossible, or say it in the wrong way: refused by field and rule, nothing written."""

import json
from datetime import date, timedelta
from typing import Any

from service.demo.days import House
from service.demo.hands import Answer
from service.demo.offices import Entered
from service.demo.plan import FX_USD
from service.demo.trials import API, Trials, said

TRADER, TRADES = "trader", "/api/trades"
MALFORMED = "400 malformed"
BYTES_TOO_MANY = 70_000


async def try_all(trials: Trials, house: House, own: Entered) -> None:
    """Try every kind of bad input."""
    right: dict[str, Any] = {**own.deal.terms, "counterparty": own.deal.counterparty}
    await impossible_terms(trials, right)
    await wrong_shapes(trials, right)
    await wrong_envelopes(trials, right)
    await wrong_identifiers(trials, right)
    await trials.api(
        TRADER, "uses a key again for another deal", TRADES, right | {"rate": "1.5"}, "409 key_reused",
        key=f"{own.key}-capture",
    )  # fmt: skip
    await nobody_signed_in(trials, house)


async def impossible_terms(trials: Trials, right: dict[str, Any]) -> None:
    """Terms that no deal can have."""
    trade_date = right["trade_date"]
    year = int(trade_date[:4])
    for what, wrong, expected in (
        ("deals in another desk's portfolio", {"portfolio": FX_USD}, "403 ORG-01"),
        (
            "sets a value date before the trade date",
            {"value_date": f"{year - 1}-06-15"},
            "422 value_date_before_trade_date",
        ),
        ("sets a value date on a holiday", {"value_date": f"{year + 1}-01-01"}, "422 value_date_on_holiday"),
        ("sets a value date beyond spot", {"value_date": next_june(year)}, "422 value_date_beyond_spot"),
        ("deals in a currency that does not exist", {"quote": "XQQ"}, "422 unknown_currency"),
        ("deals a fraction of a cent", {"base_amount": "1000000.001"}, "422 too_many_decimals"),
        ("deals a negative amount", {"base_amount": "-1000000.00"}, "422 amount_not_positive"),
        ("deals with nobody", {"counterparty": "529900DEMO00NOBODY00"}, "422 unknown_counterparty"),
    ):
        await trials.api(TRADER, what, TRADES, right | wrong, expected)


def next_june(year: int) -> str:
    """Return a Tuesday or Wednesday in June of the next year, far beyond any spot date."""
    day = date(year + 1, 6, 8)
    return (day + timedelta(days=(1 - day.weekday()) % 7)).isoformat()


async def wrong_shapes(trials: Trials, right: dict[str, Any]) -> None:
    """Bodies that no schema allows: nobody says who they are, when it was, or which number it gets."""
    for what, wrong in (
        ("says when the deal was captured", {"captured_at": "2020-01-01T00:00:00Z"}),
        ("says who captured it", {"trader": "other-trader"}),
        ("says which number it gets", {"deal_number": 1}),
        ("says which office it is", {"office": "back_office"}),
        ("writes an amount as a number", {"base_amount": 1000000}),
        ("writes an amount with an exponent", {"base_amount": "1E6"}),
        ("writes NaN as a string", {"base_amount": "NaN"}),
        ("writes an amount in Arabic digits", {"base_amount": "١٠٠"}),
    ):
        await trials.api(TRADER, what, TRADES, right | wrong, MALFORMED)


async def wrong_envelopes(trials: Trials, right: dict[str, Any]) -> None:
    """Bodies that are no plain JSON of the right size."""
    body = json.dumps(right)
    for what, sent, expected in (
        ("sends half a body", body[:-10], MALFORMED),
        ("names a field twice", body[:-1] + ', "rate": "9.99"}', MALFORMED),
        ("writes NaN as a number", body.replace(f'"{right["rate"]}"', "NaN"), MALFORMED),
        ("sends a body that is too large", body + " " * BYTES_TOO_MANY, "413 body_too_large"),
    ):
        await trials.api(TRADER, what, TRADES, sent.encode(), expected)
    plain = {"Content-Type": "text/plain"}
    await trials.api(TRADER, "sends it as plain text", TRADES, right, "415 wrong_media_type", headers=plain)
    no_key = {"Idempotency-Key": ""}
    await trials.api(TRADER, "sends no idempotency key", TRADES, right, MALFORMED, headers=no_key)
    await trials.look(TRADER, "asks with an unknown parameter", TRADES, "400 foreign_query", everything="yes")


async def wrong_identifiers(trials: Trials, right: dict[str, Any]) -> None:
    """Master data that breaks its standard, or is approved by whoever proposed it."""
    path = "/api/counterparties"
    party = {"lei": "529900DEMO00CPBNKZ99", "name": "Counterparty Bank Z", "bic": "CPBZDEF0"}
    await trials.api(
        "steward", "proposes an LEI with a wrong check digit", path, party, "422 wrong_identifier"
    )
    route = {
        "counterparty": right["counterparty"],
        "currency": "EUR",
        "bic": "CPBADEF0",
        "account_number": "DE00999999011000000001",
    }
    wrong_iban = "proposes an IBAN with a wrong check digit"
    await trials.api("steward", wrong_iban, "/api/instructions", route, "422 wrong_identifier")
    book = {"name": "FX-OWN", "desk": "Settlement and control"}
    outside = "gives a book to an office that does not deal"
    await trials.api("steward", outside, "/api/portfolios", book, "422 not_a_trading_desk")
    waiting = {"name": "FX-NEW", "desk": "FX desk"}
    proposed = await trials.hands.act("steward", "/api/portfolios", waiting, "portfolio-waiting-proposal")
    approval = f"/api/proposals/{proposed['proposal']}/approval"
    await trials.api("steward", "approves the own proposal", approval, {"version": 1}, "403 not_permitted")
    refusal = {"version": proposed["version"], "reason": "no desk has asked for it"}
    path = f"/api/proposals/{proposed['proposal']}/refusal"
    await trials.hands.act("steward-approver", path, refusal, "portfolio-waiting-refusal")


async def nobody_signed_in(trials: Trials, house: House) -> None:
    """Calls with a token that was never given, one that has ended, and a sign-in as an automatic account."""
    client = house.hands.client
    ended = await house.hands.sign_in(TRADER)
    await client.delete("/api/sessions/current", headers={"Authorization": f"Bearer {ended}"})
    for what, token in (
        ("calls with a token that has ended", ended),
        ("calls with a token nobody gave out", "tw.back_office." + "x" * 43),
    ):
        response = await client.get("/api/work", headers={"Authorization": f"Bearer {token}"})
        answer = Answer(response.status_code, response.json())
        trials.note("nobody", what, API, "401 not_signed_in", said(answer, "401 not_signed_in"))
    credentials = {"account": "svc.back_office", "password": "a long enough password"}
    response = await client.post("/api/sessions", json=credentials)
    answer = Answer(response.status_code, response.json())
    what = "signs in to an automatic account"
    trials.note("nobody", what, API, "401 wrong_password", said(answer, "401 wrong_password"))
