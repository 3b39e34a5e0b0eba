"""How the tests read what other projects published: FpML, SWIFT MT300."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

FPML = "{http://www.fpml.org/FpML-5/confirmation}"


class Leg(NamedTuple):
    """One FX leg of an FpML file; party1 is read as us."""

    receives: tuple[str, Decimal]
    pays: tuple[str, Decimal]
    rate: Decimal
    spot_rate: Decimal | None
    trade_date: date
    value_date: date


def read_fpml(path: Path, leg: str) -> tuple[Leg, list[str]]:
    tree = ET.parse(path).getroot()

    def text(parent: ET.Element, place: str) -> str | None:
        found = parent.find("/".join(f"{FPML}{name}" for name in place.split("/")))
        return None if found is None or found.text is None else found.text.strip()

    def needed(parent: ET.Element, place: str) -> str:
        said = text(parent, place)
        assert said is not None, place
        return said

    node = next(tree.iter(f"{FPML}{leg}"))
    moved = {}
    for number in ("exchangedCurrency1", "exchangedCurrency2"):
        payment = node.find(f"{FPML}{number}")
        assert payment is not None
        receiver = payment.find(f"{FPML}receiverPartyReference")
        assert receiver is not None
        moved[receiver.get("href")] = (
            needed(payment, "paymentAmount/currency"),
            Decimal(needed(payment, "paymentAmount/amount")),
        )
    spot_rate = text(node, "exchangeRate/spotRate")
    header = next(tree.iter(f"{FPML}tradeHeader"))
    leis = [said for said in (text(party, "partyId") for party in tree.iter(f"{FPML}party")) if said]
    return Leg(
        receives=moved["party1"],
        pays=moved["party2"],
        rate=Decimal(needed(node, "exchangeRate/rate")),
        spot_rate=None if spot_rate is None else Decimal(spot_rate),
        trade_date=date.fromisoformat(needed(header, "tradeDate")),
        value_date=date.fromisoformat(needed(node, "valueDate")),
    ), leis


def read_mt300(path: Path) -> dict[str, str]:
    """First occurrence of each field: the general part and the amounts stand before the rest."""
    fields: dict[str, str] = {}
    for tag, said in re.findall(r"^:(\d\d[A-Z]?):(.*)$", path.read_text("ascii"), re.MULTILINE):
        fields.setdefault(tag, said.strip())
    return fields


def swift_amount(said: str) -> tuple[str, Decimal]:
    return said[:3], Decimal(said[3:].replace(",", ".").rstrip("."))


def swift_date(said: str) -> date:
    return date(int(said[:4]), int(said[4:6]), int(said[6:]))
