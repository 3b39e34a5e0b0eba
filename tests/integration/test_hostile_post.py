"""Files that no honest sender drops: nobody else's post waits for them, and each is looked at by a person."""

from uuid import UUID

from tests.bank import World
from tests.confirming import collected, drop
from tests.messages import iso
from tests.paying import NOSTRO_BANK, heard, let_go, movement, notice, our_account, payments
from tests.settling import VALUE_DATE, Deal, done, drain, on_business_date, the_post

BOOKED = "1000000.00"


def statuses(count: int, code: str = "ACSP", said: str = "") -> bytes:
    """Return a report that tells so many statuses of payments that are not ours."""
    each = (
        f"<TxInfAndSts><OrgnlEndToEndId>E{number:032}</OrgnlEndToEndId><OrgnlUETR>{UUID(int=number)}</OrgnlUETR>"
        f"<TxSts>{code}</TxSts><StsRsnInf><AddtlInf>{said}</AddtlInf></StsRsnInf></TxInfAndSts>"
        for number in range(count)
    )
    head = "<GrpHdr><MsgId>S1</MsgId><CreDtTm>2026-10-29T10:00:00Z</CreDtTm></GrpHdr>"
    return iso("pacs.002.001.10", f"<FIToFIPmtStsRpt>{head}{''.join(each)}</FIToFIPmtStsRpt>")


async def test_SET_05_no_file_of_one_sender_stops_the_post_or_stays_unseen(bank_world: World) -> None:
    for name in ("done", "a" * 255, "held"):
        drop(bank_world, b"one", name, "AGRIFRPP")
    drop(bank_world, b"two", "a" * 255, "BARCGB22")
    (bank_world.bank.settings.inbox_directory / "BARCGB22" / "done").symlink_to("/")
    drop(bank_world, statuses(1, said="paid &#x202e;not"), "hidden.xml", NOSTRO_BANK)
    drop(bank_world, statuses(1, said="x" * 100_000), "long.xml", NOSTRO_BANK)
    drop(bank_world, statuses(100), "many.xml", NOSTRO_BANK)
    drop(bank_world, b"the last of all", "last.txt", "ZZZZ")
    for _ in range(3):
        came = {one["name"]: one for one in await collected(bank_world)}
        drop(bank_world, b"another", "a" * 255, "AGRIFRPP")
    await drain(bank_world)

    assert came["last.txt"]["finding"] == "unreadable"
    hidden = came["hidden.xml"]
    assert (hidden["state"], hidden["finding"]) == ("waiting", "not_taken_in")
    assert "hidden character" in hidden["reason"]
    assert "SHA-256" in hidden["reason"]
    folder = bank_world.bank.settings.inbox_directory / NOSTRO_BANK
    assert {file.name for file in (folder / "held").iterdir()} == {"hidden.xml"}
    assert {file.name for file in (folder / "done").iterdir()} == {"long.xml", "many.xml"}
    listed = await (await bank_world.as_("settler")).get("/api/payment-statuses", limit=200)
    found = [(one["name"], one["finding"]) for one in listed.json()["items"]]
    assert found.count(("many.xml", "unknown_payment")) == 100
    assert found.count(("long.xml", "unreadable")) + found.count(("long.xml", "unknown_payment")) == 1
    papers = await (await bank_world.as_("settler")).get("/api/documents", kind="status_in", limit=200)
    assert sorted(paper["name"] for paper in papers.json()["items"]) == ["long.xml", "many.xml"]


async def test_SET_05_a_part_of_a_cent_or_an_old_file_under_a_new_name_moves_nothing(
    ready_bank: World,
) -> None:
    await our_account(ready_bank)
    await our_account(ready_bank, "EUR")
    deal = await let_go(ready_bank)
    done(await deal.settle("EUR", "preparation", "settler"))
    done(await deal.settle("EUR", "release", "releaser"))
    await the_post(ready_bank).send()
    await on_business_date(ready_bank, VALUE_DATE)
    (payment,) = await payments(deal)
    speck, *_ = await heard(
        ready_bank, notice(movement(payment["end_to_end_id"], "0.001", reference="R1")), "speck.xml"
    )
    assert (speck["state"], speck["finding"], speck["field"]) == ("waiting", "unreadable", "Amt")

    ours = (await deal.confirmation())["ours"]["reference"]
    unnamed = movement(ours, BOOKED, reference="", currency="EUR", direction="CRDT")
    came = notice(unnamed.replace("<AcctSvcrRef></AcctSvcrRef>", ""))
    first, *_ = await heard(ready_bank, came, "one.xml")
    assert (first["effect"], await state(deal)) == ("settled", "settled")
    done(await deal.settle("EUR", "return", "other-settler", reason="our bank took it back"))
    done(await deal.settle("EUR", "preparation", "settler"))
    done(await deal.settle("EUR", "release", "releaser"))
    again, *_ = await heard(ready_bank, came, "two.xml")
    assert (again["finding"], await state(deal)) == ("duplicate", "released")


async def state(deal: Deal) -> str:
    return str((await deal.legs())["EUR"]["state"])
