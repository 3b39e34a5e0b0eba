"""Published messages dropped into the back office's inbox: what the bank makes of deals it does not have."""

from pathlib import Path
from typing import Any

from tests.bank import World
from tests.confirming import collected, drop_file
from tests.deals import by_force
from tests.parties import LEI, OTHER_LEI, a_counterparty

FPML_LEI = "BFXS5XCH7N0Y05NIXW11"  # one side of the published forward and of the published deposit


async def dropped(world: World, file: Path, sender: str) -> dict[str, Any]:
    """Drop a file and return what became of it."""
    drop_file(world, file, sender)
    (found,) = [one for one in await collected(world) if one["name"] == file.name]
    return found


async def we_are(world: World, bic: str) -> None:
    """Let the bank be the one that the published message is addressed to."""
    await by_force(world, f"UPDATE public.counterparty SET bic = '{bic}' WHERE own")


async def test_published_messages_give_their_figures_through_the_inbox_and_wait_for_a_person(
    bank_world: World, folder: Path
) -> None:
    await a_counterparty(bank_world, bic="ABCDHUH0XXX", limit=False)
    await a_counterparty(bank_world, OTHER_LEI, "Second counterparty", bic="CECAESMM017", limit=False)
    await a_counterparty(bank_world, FPML_LEI, "Third counterparty", limit=False)

    await we_are(bank_world, "ABCDSKB0XXX")
    exchange = await dropped(bank_world, folder / "swift/MT300.txt", LEI)
    assert (exchange["state"], exchange["format"]) == ("alleged", "mt300")
    assert figures(exchange, "sell_currency", "sell_amount", "buy_currency", "buy_amount") == [
        "USD", "200000", "HUF", "46420000",
    ]  # fmt: skip
    assert figures(exchange, "rate", "trade_date", "value_date") == ["232.1", "2014-08-29", "2014-09-02"]

    await we_are(bank_world, "CAAMES2AXXX")
    loan = await dropped(bank_world, folder / "swift/MT320.txt", OTHER_LEI)
    assert (loan["state"], loan["format"]) == ("alleged", "mt320")
    assert figures(loan, "type", "principal", "rate_percent", "interest") == ["mm_loan", "111", "1", "0"]

    bank_world.bank.gate.entity_lei = "213800QILIUD4ROSUO03"
    forward = await dropped(bank_world, folder / "fpml/fx-ex05-fx-fwd-w-ssi.xml", FPML_LEI)
    bank_world.bank.gate.entity_lei = "TR24TWEY5RVRQV65HD49"
    deposit = await dropped(bank_world, folder / "fpml/td-ex01-simple-term-deposit.xml", FPML_LEI)
    swap = await dropped(bank_world, folder / "fpml/fx-ex08-fx-swap.xml", FPML_LEI)
    assert figures(forward, "spot_rate", "forward_points", "rate") == ["0.913", "0.0045", "0.9175"]
    assert figures(deposit, "principal", "rate_percent", "start_date", "end_date") == [
        "25000000", "4", "2002-02-14", "2002-02-15",
    ]  # fmt: skip
    assert {one["state"] for one in (exchange, loan, forward, deposit)} == {"alleged"}
    assert all(one["document_id"] for one in (exchange, loan, forward, deposit, swap))
    work = (await (await bank_world.as_("confirmer")).get("/api/work")).json()["items"]
    assert sorted(one["kind"] for one in work) == ["examine_alleged"] * 4 + ["examine_message"]
    assert (swap["state"], swap["field"]) == ("waiting", "fxSwap")
    assert swap["reason"] == "is not dealt here; fxSingleLeg and termDeposit are read"


def figures(message: dict[str, Any], *names: str) -> list[str]:
    """Return what a message says, from our point of view, without the zeros that only fill up."""
    said = [message["fields"][name] for name in names]
    return [text.rstrip("0").rstrip(".") if "." in text else text for text in said]
