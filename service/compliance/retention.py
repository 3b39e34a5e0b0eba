"""How long what the log holds is kept: a class for each noun of the vocabulary, published in the log itself.

Periods count from the end of the calendar year of the entry. Where the law asks for less, the plan keeps longer;
what it asks for stands beside it. Sources: § 257 HGB, § 147 AO, § 25a(1) KWG (AT 6 Tz. 1), § 9(4) WpDVerOV.
"""

from collections.abc import Mapping
from typing import Any, Final

from service.kernel.retention import CLASSES

PLAN: Final[Mapping[str, str]] = {
    "absence": "records",
    "account": "records",
    "agreement": "records",
    "alert": "records",
    "alleged": "letters",
    "amendment": "vouchers",
    "balance": "books",
    "benchmark": "vouchers",
    "broker_statement": "vouchers",
    "business_date": "books",
    "call_back": "vouchers",
    "cancellation": "vouchers",
    "case": "records",
    "channel": "records",
    "checklist": "records",
    "confirmation": "letters",
    "conflict": "books",
    "conformity": "records",
    "counterparty": "records",
    "dead_end": "records",
    "delegation": "books",
    "desk_report": "records",
    "desk_rule": "records",
    "document": "records",
    "entry": "records",
    "escalation": "records",
    "evidence": "records",
    "excess": "records",
    "explanation": "records",
    "fixing": "vouchers",
    "grant": "books",
    "handover": "records",
    "inbound": "letters",
    "instruction": "vouchers",
    "internal": "vouchers",
    "journal": "books",
    "limit": "records",
    "log": "books",
    "long_form": "vouchers",
    "market_limit": "records",
    "notice": "records",
    "organisation": "books",
    "party": "records",
    "password": "records",
    "payment": "vouchers",
    "payment_status": "vouchers",
    "person": "books",
    "policy": "books",
    "portfolio": "records",
    "position": "vouchers",
    "power": "records",
    "premises": "records",
    "proposal": "records",
    "recovery": "books",
    "report": "records",
    "request": "vouchers",
    "right": "books",
    "rotation": "books",
    "schema": "books",
    "session": "records",
    "settlement": "vouchers",
    "settlement_rule": "vouchers",
    "staff_event": "books",
    "substitute": "vouchers",
    "tolerance": "records",
    "trade": "vouchers",
    "transaction": "records",
    "transfer": "vouchers",
    "transmission": "letters",
    "work": "records",
}
"""The class of every entry, by the noun of its act. Rights and policies are the role catalogue: books."""


def class_of(act: str) -> str:
    """Return the class of an act; one that no release of ours knows is kept as long as anything."""
    return PLAN.get(act.partition(".")[0], "books")


def plan() -> dict[str, Any]:
    """Return the plan as the log publishes it."""
    classes = {
        name: {"years": one.years, "demanded_years": one.demanded_years, "source": one.source}
        for name, one in CLASSES.items()
    }
    return {"classes": classes, "nouns": dict(PLAN), "starts": "end of the calendar year"}
