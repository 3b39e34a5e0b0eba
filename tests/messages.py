"""Deals as a confirmation says them, for tests of the formats."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from service.kernel.money import Money
from service.messages.pacs009 import PaymentOrder
from service.messages.terms import ConfirmedTerms, PartyId, Product, SettlementAccount

HOUSE = PartyId(bic="TRWNDEFFXXX", lei="529900DEMO00TRENNW29", name="Demo Bank")
OTHER = PartyId(bic="CAAMES2A", lei="529900DTJ5A7S5UCBB52", name="Other Bank")


def fx(**values: Any) -> ConfirmedTerms:
    """A million euros bought for dollars at spot."""
    facts: dict[str, Any] = {
        "product": Product.FX_SPOT,
        "our_reference": "FX-EUR-17",
        "party": HOUSE,
        "counterparty": OTHER,
        "trade_date": date(2026, 10, 28),
        "value_date": date(2026, 10, 30),
        "bought": Money(Decimal("1000000.00"), "EUR"),
        "sold": Money(Decimal("1085000.00"), "USD"),
        "rate": Decimal("1.085"),
        "our_account": SettlementAccount(bic="MARKDEFF", account="DE89370400440532013000"),
        "their_account": SettlementAccount(bic="CAAMES2AXXX"),
    }
    return ConfirmedTerms(**facts | values)


def deposit(**values: Any) -> ConfirmedTerms:
    """Twenty-five million francs placed for a day."""
    facts: dict[str, Any] = {
        "product": Product.MM_DEPOSIT,
        "our_reference": "MM-CHF-3",
        "party": HOUSE,
        "counterparty": OTHER,
        "trade_date": date(2026, 10, 28),
        "start_date": date(2026, 10, 30),
        "maturity_date": date(2026, 11, 2),
        "principal": Money(Decimal("25000000.00"), "CHF"),
        "interest": Money(Decimal("8333.33"), "CHF"),
        "rate_percent": Decimal(4),
        "day_count": "ACT/360",
        "our_account": SettlementAccount(bic="MARKDEFF"),
        "their_account": SettlementAccount(bic="CAAMES2AXXX", account="7/11"),
    }
    return ConfirmedTerms(**facts | values)


ORDER = PaymentOrder(
    message_id="PAY-2026-000017",
    instruction_id="FX-EUR-17/1",
    end_to_end_id="FX-EUR-17",
    uetr=UUID("11111111-2222-4333-8444-555555555555"),
    created_at=datetime(2026, 10, 28, 9, 30, tzinfo=UTC),
    amount=Money(Decimal("1085000.00"), "USD"),
    settlement_date=date(2026, 10, 30),
    instructing=PartyId(bic="TRWNDEFFXXX"),
    instructed=PartyId(bic="CHASUS33"),
    debtor=HOUSE,
    debtor_account="400123456",
    creditor_agent=PartyId(bic="BOFAUS3N"),
    creditor=OTHER,
    creditor_account="DE89370400440532013000",
    remittance="FX-EUR-17 VALUE 2026-10-30",
)

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def iso(kind: str, body: str) -> bytes:
    return f'{HEAD}<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{kind}">{body}</Document>'.encode()


REJECTED = """<FIToFIPmtStsRpt><GrpHdr><MsgId>S1</MsgId><CreDtTm>2026-10-28T10:00:00+01:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>PAY-1</OrgnlMsgId><OrgnlMsgNmId>pacs.009.001.08</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<TxInfAndSts><OrgnlInstrId>I1</OrgnlInstrId><OrgnlEndToEndId>E1</OrgnlEndToEndId><OrgnlUETR>u-1</OrgnlUETR>
<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>account</AddtlInf><AddtlInf>closed</AddtlInf></StsRsnInf></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>NOTPROVIDED</OrgnlEndToEndId><TxSts>ACSC</TxSts><AccptncDtTm>2026-10-28T09:59:00Z</AccptncDtTm></TxInfAndSts>
</FIToFIPmtStsRpt>"""


def entry(status: str, amount: str = '<Amt Ccy="EUR">12.50</Amt>', direction: str = "CRDT") -> str:
    return f"""<Ntry>{amount}<CdtDbtInd>{direction}</CdtDbtInd>{status}<BookgDt><Dt>2026-10-28</Dt></BookgDt>
    <ValDt><DtTm>2026-10-29T01:00:00+01:00</DtTm></ValDt><AcctSvcrRef>R1</AcctSvcrRef>
    <NtryDtls><TxDtls><Refs><EndToEndId>FX-EUR-17</EndToEndId><UETR>u-1</UETR></Refs>
    <RmtInf><Ustrd>one</Ustrd><Ustrd>two</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


def notification(*entries: str) -> str:
    return f"""<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N1</MsgId><CreDtTm>2026-10-28T10:00:00</CreDtTm></GrpHdr>
    <Ntfctn><Id>1</Id><Acct><Id><Othr><Id>400123456</Id></Othr></Id><Svcr><FinInstnId><BICFI>CHASUS33</BICFI></FinInstnId></Svcr></Acct>
    {"".join(entries)}</Ntfctn></BkToCstmrDbtCdtNtfctn>"""


def statement(closing: str, direction: str = "CRDT") -> bytes:
    return iso(
        "camt.053.001.08",
        f"""<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S</Id><ElctrncSeqNb>7</ElctrncSeqNb>
        <Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
        <Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Bal>
        <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{closing}</Amt><CdtDbtInd>{direction}</CdtDbtInd></Bal>
        {entry("<Sts>BOOK</Sts>")}{entry("<Sts>PDNG</Sts>", '<Amt Ccy="EUR">99.00</Amt>')}</Stmt></BkToCstmrStmt>""",
    )
