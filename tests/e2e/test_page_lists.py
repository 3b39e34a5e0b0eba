"""Lists as their readers want them: order, columns, filters and place stand in the address; ages and times read the same everywhere."""

import re

from tests.bank import World
from tests.settling import captured, matched
from tests.visiting import Sheet, signed_in


def order_of(page: Sheet, *rows: str) -> list[str]:
    """Return which of these rows a page links to, in its order."""
    found = [link.rpartition("/")[2] for link in page.links]
    return [one for one in found if one in rows]


async def test_lists_that_grow_are_read_from_either_end_and_keep_it_on_the_next_page(
    ready_bank: World,
) -> None:
    bank = ready_bank
    for _ in range(2):
        await matched(bank)
    for account, path in (
        ("confirmer", "confirmations"),
        ("settler", "settlements"),
        ("accountant", "journals"),
        ("compliance", "entries"),
    ):
        user, visitor = await bank.as_(account), await signed_in(bank, account)
        first = "newest" if path == "entries" else "oldest"
        until = {} if path != "entries" else {"to": "2999-01-01T00:00:00Z", "actor": "trader"}
        told = (await user.get(f"/api/{path}", sort=first, **until)).json()["items"]
        ids = [one["id"] for one in told]
        assert len(ids) > 1, path
        other = "oldest" if first == "newest" else "newest"
        turned = (await user.get(f"/api/{path}", sort=other, limit=1, **until)).json()
        assert [one["id"] for one in turned["items"]] == ids[-1:], path
        behind = await user.get(f"/api/{path}", sort=other, limit=1, cursor=turned["next"], **until)
        assert [one["id"] for one in behind.json()["items"]] == ids[-2:-1], path
        page = await visitor.get(f"/{path}?sort={other}")
        assert f"/{path}?sort={first}" in page.links, path
        if path != "journals":
            assert order_of(page, *ids[-2:]) == [ids[-1], ids[-2]], path
        assert (await visitor.client.get(f"/{path}?sort=colour")).status_code == 400


async def test_columns_a_reader_leaves_out_stand_in_the_address_of_every_wide_list(ready_bank: World) -> None:
    bank = ready_bank
    await matched(bank)
    await captured(bank)
    for account, path, places in (
        ("verifier", "/work", {"age": 7, "who": 10}),
        ("settler", "/settlements", {"state": 4}),
        ("settler", "/settlements/board", {"cut_off": 5}),
        ("confirmer", "/confirmations", {"lei": 6, "sent": 7}),
        ("head-of-risk", "/limits", {"kind": 2}),
        ("compliance", "/entries", {"office": 5, "rule": 7}),
    ):
        visitor = await signed_in(bank, account)
        hidden = ",".join(places)
        answer = await visitor.client.get(path, params={"hide": f"{hidden},nonsense"})
        assert answer.status_code == 200, answer.text
        tables = re.findall(r'<table class="([^"]*)"', answer.text)
        assert " ".join(f"without-{place}" for place in places.values()) in [one.strip() for one in tables], (
            path, tables,
        )  # fmt: skip
        heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", answer.text[answer.text.index("without-") :])
        page = Sheet(answer)
        assert len(heads) >= max(places.values()), path
        for name in places:
            kept = "%2C".join(one for one in places if one != name)
            back = f"{path}?hide={kept}" if kept else path
            assert back in page.links, (path, name)


async def test_the_queue_says_how_much_and_with_whom(ready_bank: World) -> None:
    bank = ready_bank
    await captured(bank, base_amount="1750000.00")
    item = (await (await bank.as_("verifier")).get("/api/work")).json()["items"][0]
    assert (item["amount"], item["currency"]) == ("1750000.00", "EUR")
    page = await (await signed_in(bank, "verifier")).get("/work")
    assert "1,750,000.00" in page.text
    assert item["counterparty"] in page.text
    mine = (await (await bank.as_("rights-owner")).get("/api/work")).json()["items"]
    assert all(one["amount"] is None for one in mine), "an office that reads no deals hears nothing of them"


async def test_limits_are_put_in_the_order_of_what_is_left_of_them(ready_bank: World) -> None:
    bank = ready_bank
    await captured(bank)
    told = (await (await bank.as_("head-of-risk")).get("/api/limits", state="in_force", limit=200)).json()[
        "items"
    ]
    by_use = [one["id"] for one in sorted(told, key=lambda one: -float(one["used_eur"]))]
    page = await (await signed_in(bank, "head-of-risk")).get("/limits?sort=-used")
    assert order_of(page, *by_use)[:2] == by_use[:2]
    assert "/limits?sort=used" in page.links


async def test_ages_times_and_empty_choices_read_the_same_everywhere(ready_bank: World) -> None:
    bank = ready_bank
    await matched(bank)
    await captured(bank)
    for account, path in (
        ("verifier", "/work"),
        ("verifier", "/dashboard"),
        ("confirmer", "/confirmations/unconfirmed"),
        ("settler", "/settlements/board"),
        ("accountant", "/clearing"),
        ("compliance", "/escalations"),
        ("compliance", "/entries"),
    ):
        visitor = await signed_in(bank, account)
        answer = await visitor.client.get(path)
        if path != "/entries":
            for age in ("0-1", "2-3", "4-7", "&gt;7"):
                assert age in answer.text, (path, age)
            assert ">8+<" not in answer.text, path
        for told in re.findall(r"<time [^>]*>", answer.text):
            moment = re.search(r'datetime="[^"]*T', told)
            assert moment is None or told.endswith(' UTC">'), (path, told)
        for chosen in re.findall(r'<select id="filter\.[^>]*>(.*?)</select>', answer.text, re.DOTALL):
            assert '<option value=""></option>' not in chosen, path
    german = await (await signed_in(bank, "compliance", language="de")).client.get(
        "/entries?from=1.1.2020&to=1.1.2100+0:00"
    )
    assert 'value="1.1.2020"' in german.text, "a day stays as it was typed"
    assert 'placeholder="TT.MM.JJJJ HH:MM"' in german.text
    assert '<option value="">alle</option>' in german.text


async def test_a_mistyped_day_in_a_filter_keeps_the_list_and_says_at_the_field_what_is_wrong(
    bank: World,
) -> None:
    await captured(bank)
    auditor, user = await signed_in(bank, "auditor"), await bank.as_("compliance")
    for path, name in (
        ("/trades", "trade_date"),
        ("/trades", "value_date"),
        ("/settlements", "value_date"),
        ("/balances", "as_of"),
        ("/checks", "first_day"),
        ("/checks", "last_day"),
        ("/excesses", "day"),
        ("/denials", "day"),
        ("/premises", "day"),
        ("/organisation", "as_of"),
        ("/fixings", "day"),
    ):
        answer = await auditor.client.get(path, params={name: "31.11.2026"})
        assert answer.status_code == 200, path
        field = re.search(rf'<input id="filter.{name}"[^>]*>', answer.text)
        assert field is not None, path
        for part in ('value="31.11.2026"', 'aria-invalid="true"', f"filter.{name}.error"):
            assert part in field[0], (path, field[0])
        assert f'id="filter.{name}.error"' in answer.text, path
        assert "This is no date." in answer.text, path
    assert (await user.get("/api/entries", outcome="refuse")).json()["items"] == []
