"""What is no deal, or is said in the wrong way, is refused by field and rule, and nothing is written."""

import json
from typing import Any
from uuid import uuid4

import httpx

from tests.bank import World
from tests.deals import TERMS, a_desk, capture, refusals, written
from tests.parties import OTHER_LEI

RULES: list[tuple[str, dict[str, Any], str, str]] = [
    ("value date before trade date", {"value_date": "2026-10-26"}, "value_date_before_trade_date", "value_date"),
    ("value date on a weekend", {"trade_date": "2026-10-23", "value_date": "2026-10-24"}, "value_date_on_holiday", "value_date"),
    ("value date beyond spot", {"value_date": "2026-10-30"}, "value_date_beyond_spot", "value_date"),
    ("unknown currency", {"quote": "XQQ"}, "unknown_currency", "quote"),
    ("one currency", {"quote": "EUR"}, "same_currency", "quote"),
    ("a fraction of a cent", {"base_amount": "1.001"}, "too_many_decimals", "base_amount"),
    ("a fraction of a yen", {"base": "JPY", "base_amount": "1.5"}, "too_many_decimals", "base_amount"),
    ("nothing", {"base_amount": "0.00"}, "amount_not_positive", "base_amount"),
    ("a negative amount", {"base_amount": "-1.00"}, "amount_not_positive", "base_amount"),
    ("a negative rate", {"rate": "-1.1"}, "rate_not_positive", "rate"),
    ("an unknown counterparty", {"counterparty": OTHER_LEI}, "unknown_counterparty", "counterparty"),
    ("an unknown portfolio", {"portfolio": "FX-XXX"}, "unknown_portfolio", "portfolio"),
    ("a trade date to come", {"trade_date": "2026-10-28"}, "trade_date_in_future", "trade_date"),
    ("an execution to come", {"executed_at": "2999-01-01T00:00:00Z"}, "executed_in_future", "executed_at"),
    ("an execution before time", {"executed_at": "0001-01-01T00:00:00+14:00"}, "executed_in_future", "executed_at"),
]  # fmt: skip


async def test_impossible_terms_are_refused_by_field_and_rule_and_nothing_is_written(
    bank_world: World,
) -> None:
    await a_desk(bank_world)
    before = await written(bank_world)
    for what, changes, code, field in RULES:
        answer = await capture(bank_world, **changes)
        assert answer.headers["content-type"] == "application/problem+json", what
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field), what
        assert problem["decision"], what
    assert await written(bank_world) == before
    assert [row.data["code"] for row in await refusals(bank_world)] == [code for _, _, code, _ in RULES]


SHAPES: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown field", {"venue": "own"}, "venue"),
    ("an amount as a number", {"base_amount": 1000000}, "base_amount"),
    ("a rate as a number", {"rate": 1.085}, "rate"),
    ("NaN as an amount", {"base_amount": "NaN"}, "base_amount"),
    ("an exponent", {"base_amount": "1E6"}, "base_amount"),
    ("a line break behind an amount", {"base_amount": "1000000.00\n"}, "base_amount"),
    ("digits of another script", {"base_amount": "١٠٠"}, "base_amount"),
    ("sixteen digits", {"base_amount": "1000000000000000"}, "base_amount"),
    ("nine decimals", {"rate": "1.000000001"}, "rate"),
    ("another side", {"side": "hold"}, "side"),
    ("another type", {"type": "fx_swap"}, "type"),
    ("no date", {"trade_date": "tomorrow"}, "trade_date"),
    ("a time without a zone", {"executed_at": "2026-10-27T07:55:00"}, "executed_at"),
    ("side agreements left open", {"side_agreements": ""}, "side_agreements"),
    ("side agreements that break a line", {"side_agreements": "none\nbut"}, "side_agreements"),
    ("side agreements written backwards", {"side_agreements": "none \u202e but"}, "side_agreements"),
    ("side agreements in composed letters", {"side_agreements": "Gebu\u0308hr"}, "side_agreements"),
    ("a zero byte", {"counterparty": "5299\x00"}, "counterparty"),
    ("null", {"portfolio": None}, "portfolio"),
]


async def test_wrong_shapes_are_refused_by_field_and_nothing_is_written(bank_world: World) -> None:
    await a_desk(bank_world)
    before = await written(bank_world)
    for what, changes, field in SHAPES:
        answer = await capture(bank_world, **changes)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem.get("field")) == (400, "malformed", field), what
        assert problem["decision"], what
    missing = {name: value for name, value in TERMS.items() if name != "side_agreements"}
    answer = await (await bank_world.as_("trader")).post("/api/trades", missing)
    assert (answer.status_code, answer.json()["field"]) == (400, "side_agreements")
    assert await written(bank_world) == before
    assert [row.act for row in await refusals(bank_world)] == ["trade.capture"] * (len(SHAPES) + 1)


async def send(
    world: World, body: bytes, headers: dict[str, str] | None = None, path: str = "/api/trades"
) -> httpx.Response:
    client = (await world.as_("trader")).client
    told = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    return await client.post(path, content=body, headers=told | (headers or {}))


async def test_wrong_envelopes_are_refused_and_nothing_is_written(bank_world: World) -> None:
    await a_desk(bank_world)
    before = await written(bank_world)
    body = json.dumps(TERMS)
    for what, sent, headers, expected in (
        ("half a body", body[:-5], {}, (400, "malformed")),
        ("no object", "[]", {}, (400, "malformed")),
        ("a key twice", body[:-1] + ', "rate": "9.99"}', {}, (400, "malformed")),
        ("NaN", body.replace('"1.1650"', "NaN"), {}, (400, "malformed")),
        ("half a surrogate pair", body.replace("none", "\\ud800"), {}, (400, "malformed")),
        ("too large", body + " " * 66_000, {}, (413, "body_too_large")),
        ("plain text", body, {"Content-Type": "text/plain"}, (415, "wrong_media_type")),
        ("no key", body, {"Idempotency-Key": ""}, (400, "malformed")),
        ("a long key", body, {"Idempotency-Key": "k" * 129}, (400, "malformed")),
    ):
        answer = await send(bank_world, sent.encode(), headers)
        assert (answer.status_code, answer.json()["code"]) == expected, what
        assert answer.headers["content-type"] == "application/problem+json", what
    assert await written(bank_world) == before
    hidden = await send(bank_world, (body[:-1] + ', "a\u202e": 1, "a\u202e": 2}').encode())
    strange = await (await bank_world.as_("trader")).get("/api/trades", **{"a\u202e": "1"})
    assert (hidden.status_code, strange.status_code) == (400, 400)
    told = [row.data for row in await refusals(bank_world)]
    assert len(told) == 11
    assert (told[-2]["field"], told[-1]["field"]) == ("a\\u202e", "a\\u202e")
    twice = await send(bank_world, (body[:-1] + ', "rate": "9.99"}').encode())
    assert twice.json()["field"] == "rate"
