"""Payments out and what our bank says of them, for tests: an account of ours, its bank's folder, the files there."""

from pathlib import Path
from typing import Any

from lxml import etree

from service.messages import pacs009
from service.settings import DEMO_LEI
from tests.bank import World
from tests.confirming import drop
from tests.messages import iso
from tests.parties import LEI, a_settlement_rule, an_instruction
from tests.settling import Deal, done, drain, matched, the_post

NOSTRO_BANK, NOSTRO = "COBADEFF", "DE89370400440532013000"
_LIMITED = '<xs:restriction base="xs:string"><xs:maxLength value="{longest}"/></xs:restriction>'
_ANY = '<xs:any maxOccurs="unbounded" processContents="skip"/>'


async def our_account(world: World, currency: str = "USD") -> str:
    """Bring an account of our own in force, at a bank that pays for us."""
    return await an_instruction(world, DEMO_LEI, currency, NOSTRO, called_back=False)


def drop_schema(world: World, *, longest: int = 35) -> None:
    """Drop in a schema of the payment message that allows names of so many characters."""
    limited = _LIMITED.format(longest=longest)
    text = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{pacs009.NAMESPACE}"
 xmlns="{pacs009.NAMESPACE}" elementFormDefault="qualified"><xs:element name="Document"><xs:complexType>
 <xs:sequence><xs:element name="FICdtTrf"><xs:complexType><xs:sequence>
 <xs:element name="GrpHdr"><xs:complexType><xs:sequence>
 <xs:element name="MsgId"><xs:simpleType>{limited}</xs:simpleType></xs:element>{_ANY}
 </xs:sequence></xs:complexType></xs:element>
 <xs:element name="CdtTrfTxInf"><xs:complexType><xs:sequence>{_ANY}</xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element></xs:schema>"""
    folder = world.bank.settings.schema_directory
    folder.mkdir(parents=True, exist_ok=True)
    (folder / pacs009.SCHEMA_FILE).write_text(text)


def orders(world: World) -> list[Path]:
    """Return the payment messages that wait for our bank."""
    folder = world.bank.settings.payment_directory / NOSTRO_BANK
    return sorted(folder.glob("payment-*")) if folder.is_dir() else []


def said(order: Path) -> dict[str, str]:
    """Return what a payment message says, by the plain names of its elements; the last of a name counts."""
    return {
        etree.QName(element).localname: element.text or ""
        for element in etree.fromstring(order.read_bytes()).iter()
    }


async def payments(deal: Deal) -> list[dict[str, Any]]:
    """Return the payment messages of a deal, newest first."""
    caller = await deal.world.as_("releaser")
    return list((await caller.get("/api/payments", trade=deal.id)).json()["items"])


async def let_go(world: World, by: str = "trader", **terms: str) -> Deal:
    """Bring a deal to where the dollars, which we pay, are released and their message waits to be sent."""
    deal = await matched(world, by, **terms)
    done(await deal.settle("USD", "preparation", "settler"))
    done(await deal.settle("USD", "release", "releaser"))
    return deal


# What our bank says ------------------------------------------------------------------------------------


def report(status: str, payment: dict[str, Any], *reasons: str, message: str = "S1") -> bytes:
    """Return a status report about a payment of ours."""
    why = "".join(f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>" for code in reasons)
    return iso(
        "pacs.002.001.10",
        f"<FIToFIPmtStsRpt><GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-10-29T10:00:00Z</CreDtTm></GrpHdr>"
        f"<TxInfAndSts><OrgnlEndToEndId>{payment['end_to_end_id']}</OrgnlEndToEndId>"
        f"<OrgnlUETR>{payment['uetr']}</OrgnlUETR><TxSts>{status}</TxSts>{why}</TxInfAndSts></FIToFIPmtStsRpt>",
    )


def movement(name: str, amount: str, *, reference: str, **differs: str) -> str:
    """Return an entry on our account about a payment by its end-to-end name, booked unless told otherwise."""
    facts = {"currency": "USD", "direction": "DBIT", "status": "BOOK", "more": ""} | differs
    return (
        f'<Ntry><Amt Ccy="{facts["currency"]}">{amount}</Amt><CdtDbtInd>{facts["direction"]}</CdtDbtInd>'
        f"<Sts><Cd>{facts['status']}</Cd></Sts><BookgDt><Dt>2026-10-29</Dt></BookgDt>"
        f"<AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs>"
        f"{facts['more']}</TxDtls></NtryDtls></Ntry>"
    )


def notice(*movements: str, message: str = "N1", account: str = NOSTRO) -> bytes:
    """Return a notification of movements on our account."""
    return iso(
        "camt.054.001.08",
        f"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>{message}</MsgId><CreDtTm>2026-10-29T12:00:00Z</CreDtTm></GrpHdr>"
        f"<Ntfctn><Id>{message}</Id><Acct><Id><IBAN>{account}</IBAN></Id></Acct>{''.join(movements)}</Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn>",
    )


async def heard(world: World, content: bytes, name: str, sender: str = NOSTRO_BANK) -> list[dict[str, Any]]:
    """Have our bank's file collected from the inbox and done by the office's own account; return all it ever told."""
    drop(world, content, name, sender)
    await the_post(world).collect()
    await drain(world)
    found = await (await world.as_("settler")).get("/api/payment-statuses", limit=200)
    return list(found.json()["items"])


async def every_payment(world: World) -> None:
    """Leave a row of every kind that paying knows: a message, a net, a bank's word. Netting is agreed already."""
    deal = await let_go(world)
    await a_settlement_rule(world, rule="netting", counterparty=LEI, allowed=True)
    done(await deal.settle("EUR", "preparation", "settler"))
    done(await deal.settle("EUR", "netting", "settler"))
    await heard(world, notice(), "nothing moved.xml")
