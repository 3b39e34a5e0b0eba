"""Payments by message: a stand-in for the banks that keep our accounts reads our orders and says what became of them."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from lxml.builder import ElementMaker
from lxml.etree import tostring

from service.demo import offices
from service.demo.hands import Hands, until
from service.demo.master_data import NOSTRO_BANK, OWN_BANK
from service.demo.offices import Entered, Leg
from service.demo.post import Folders

STATUS, NOTICE = "pacs.002.001.10", "camt.054.001.08"
NO_COVER = "AM04"  # ISO 20022, ExternalStatusReason1Code: insufficient funds
LATEST = 0


async def complete(hands: Hands, folders: Folders, entered: Entered, day: date) -> None:
    """Have the account's bank refuse what we pay once and book it then; what we receive is attested by a clerk."""
    due = [leg for leg in entered.legs if offices.payment_day(leg.value_date) == day]
    for leg in due:
        payments = await of(hands, entered, leg)
        if not payments:
            await offices.attest(hands, entered, leg)
            continue
        await offices.until_sent(hands, leg)
        folders.put(NOSTRO_BANK, f"{leg.id}-status.xml", refusal(payments[-1]))
        await until(
            standing(hands, entered, leg, "failed", "settled"), f"{entered.key} is refused by our bank"
        )
        leg.version += 1
        await offices.prepare(hands, entered, leg, "second-preparation")
        await offices.release(hands, entered, leg, "second-release")
        await offices.until_sent(hands, leg)
        again = (await of(hands, entered, leg))[LATEST]
        folders.put(NOSTRO_BANK, f"{leg.id}-notice.xml", booking(again, day))
        await until(standing(hands, entered, leg, "settled"), f"{entered.key} is booked by our bank")


async def of(hands: Hands, entered: Entered, leg: Leg) -> list[Mapping[str, Any]]:
    """Return the messages that order a payment, newest first."""
    found = await hands.get(entered.one_of("releaser"), "/api/payments", trade=entered.id)
    return [one for one in found["items"] if one["settlement"] == leg.id]


async def of_net(hands: Hands, entered: Entered) -> list[Mapping[str, Any]]:
    """Return the messages that order the net a deal is part of, as far as they stand under this deal."""
    found = await hands.get(entered.one_of("releaser"), "/api/payments", trade=entered.id)
    return [one for one in found["items"] if one["net"] is not None]


async def delivered(hands: Hands, entered: Entered) -> bool | None:
    """Tell, once it is so, that the order of the deal's net has left."""
    return (await of_net(hands, entered))[LATEST]["state"] == "delivered" or None


def standing(hands: Hands, entered: Entered, leg: Leg, *states: str) -> Callable[[], Any]:
    """Return how to look whether a payment stands in one of the states."""

    async def look() -> Mapping[str, Any] | None:
        found = await hands.get(entered.one_of("settler"), f"/api/settlements/{leg.id}")
        return found if found["state"] in states else None

    return look


def refusal(payment: Mapping[str, Any]) -> bytes:
    """Return the bank's report that it does not execute an order."""
    e = ElementMaker(namespace=namespace(STATUS), nsmap={None: namespace(STATUS)})
    about = e.TxInfAndSts(
        e.OrgnlEndToEndId(payment["end_to_end_id"]),
        e.OrgnlUETR(payment["uetr"]),
        e.TxSts("RJCT"),
        e.StsRsnInf(e.Rsn(e.Cd(NO_COVER))),
    )
    head = e.GrpHdr(e.MsgId(f"S{payment['reference']}"), e.CreDtTm("2000-01-01T10:00:00Z"))
    return bytes(tostring(e.Document(e.FIToFIPmtStsRpt(head, about)), xml_declaration=True))


def booking(payment: Mapping[str, Any], day: date) -> bytes:
    """Return the bank's notice that an order was booked on our account."""
    e = ElementMaker(namespace=namespace(NOTICE), nsmap={None: namespace(NOTICE)})
    entry = e.Ntry(
        e.Amt(payment["amount"], Ccy=payment["currency"]),
        e.CdtDbtInd("DBIT"),
        e.Sts(e.Cd("BOOK")),
        e.BookgDt(e.Dt(day.isoformat())),
        e.AcctSvcrRef(f"B{payment['reference']}"),
        e.NtryDtls(e.TxDtls(e.Refs(e.EndToEndId(payment["end_to_end_id"])))),
    )
    number = OWN_BANK.account(payment["currency"])
    named = e.IBAN(number) if payment["currency"] == "EUR" else e.Othr(e.Id(number))
    head = e.GrpHdr(e.MsgId(f"N{payment['reference']}"), e.CreDtTm("2000-01-01T12:00:00Z"))
    note = e.Ntfctn(e.Id(f"N{payment['reference']}"), e.Acct(e.Id(named)), entry)
    return bytes(tostring(e.Document(e.BkToCstmrDbtCdtNtfctn(head, note)), xml_declaration=True))


def namespace(message: str) -> str:
    """Return the namespace of an ISO 20022 message."""
    return f"urn:iso:std:iso:20022:tech:xsd:{message}"
