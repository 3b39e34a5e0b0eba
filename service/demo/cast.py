"""Everybody in the demo bank, named by role."""

from datetime import date, time
from decimal import Decimal
from typing import Any

from policies.vocabulary import Office
from service.genesis import AccountPlan, Founding, UnitPlan
from service.settings import DEMO_LEI

TRADING, BACK = "board-trading", "board-back"

UNITS = (
    UnitPlan("FX-1", "FX desk", Office.FRONT_OFFICE, "head-of-trading", TRADING),
    UnitPlan("FX-2", "Second FX desk", Office.FRONT_OFFICE, "head-of-trading", TRADING),
    UnitPlan("BO", "Settlement and control", Office.BACK_OFFICE, BACK, BACK),
    UnitPlan("MD", "Master data", Office.MASTER_DATA, BACK, BACK),
    UnitPlan("ACC", "Accounting", Office.ACCOUNTING, BACK, BACK),
    UnitPlan("RC", "Risk control", Office.RISK_CONTROL, "head-of-risk", BACK),
    UnitPlan("CBO", "Credit back office", Office.CREDIT, BACK, BACK),
    UnitPlan("COMPL", "Compliance", Office.COMPLIANCE, BACK, BACK),
    UnitPlan("IA", "Internal audit", Office.INTERNAL_AUDIT, BACK, BACK),
    UnitPlan("LEGAL", "Legal", Office.LEGAL, BACK, BACK),
    UnitPlan("IAM", "Rights administration", Office.ADMINISTRATION, BACK, BACK),
    UnitPlan("BOARD-T", "Board member for trading", Office.MANAGEMENT, TRADING, TRADING),
    UnitPlan("BOARD-B", "Board member for the back office", Office.MANAGEMENT, BACK, BACK),
    UnitPlan("LOG", "Log keeping", Office.LOG, BACK, BACK),
)

_PEOPLE = (
    ("trader", "FX desk", Office.FRONT_OFFICE, "trader"),
    ("other-trader", "FX desk", Office.FRONT_OFFICE, "trader"),
    ("second-desk-trader", "Second FX desk", Office.FRONT_OFFICE, "trader"),
    ("head-of-trading", "FX desk", Office.FRONT_OFFICE, "head_of_trading"),
    ("verifier", "Settlement and control", Office.BACK_OFFICE, "verifier"),
    ("other-verifier", "Settlement and control", Office.BACK_OFFICE, "verifier"),
    ("confirmer", "Settlement and control", Office.BACK_OFFICE, "confirmer"),
    ("other-confirmer", "Settlement and control", Office.BACK_OFFICE, "confirmer"),
    ("settler", "Settlement and control", Office.BACK_OFFICE, "settler"),
    ("other-settler", "Settlement and control", Office.BACK_OFFICE, "settler"),
    ("releaser", "Settlement and control", Office.BACK_OFFICE, "releaser"),
    ("other-releaser", "Settlement and control", Office.BACK_OFFICE, "releaser"),
    ("steward", "Master data", Office.MASTER_DATA, "steward"),
    ("steward-approver", "Master data", Office.MASTER_DATA, "steward_approver"),
    ("accountant", "Accounting", Office.ACCOUNTING, "accountant"),
    ("closer", "Accounting", Office.ACCOUNTING, "closer"),
    ("risk-controller", "Risk control", Office.RISK_CONTROL, "risk_controller"),
    ("other-risk-controller", "Risk control", Office.RISK_CONTROL, "risk_controller"),
    ("head-of-risk", "Risk control", Office.RISK_CONTROL, "head_of_risk"),
    ("credit-officer", "Credit back office", Office.CREDIT, "credit_officer"),
    ("other-credit-officer", "Credit back office", Office.CREDIT, "credit_officer"),
    ("compliance", "Compliance", Office.COMPLIANCE, "compliance_officer"),
    ("log-custodian", "Compliance", Office.COMPLIANCE, "log_custodian"),
    ("other-log-custodian", "Compliance", Office.COMPLIANCE, "log_custodian"),
    ("policy-author", "Compliance", Office.COMPLIANCE, "policy_author"),
    ("policy-approver", "Risk control", Office.RISK_CONTROL, "policy_approver"),
    ("other-policy-approver", "Risk control", Office.RISK_CONTROL, "policy_approver"),
    ("auditor", "Internal audit", Office.INTERNAL_AUDIT, "auditor"),
    ("legal", "Legal", Office.LEGAL, "counsel"),
    ("rights-requester", "Rights administration", Office.ADMINISTRATION, "rights_requester"),
    ("rights-owner", "Rights administration", Office.ADMINISTRATION, "rights_owner"),
    ("rights-admin", "Rights administration", Office.ADMINISTRATION, "rights_admin"),
    ("board-back", "Board member for the back office", Office.MANAGEMENT, "board_back"),
    ("board-trading", "Board member for trading", Office.MANAGEMENT, "board_trading"),
)

MOVER_TRADING, MOVER_CONTROL = "mover-trading", "mover-control"

_SERVICE_UNITS = {
    Office.FRONT_OFFICE: "FX desk",
    Office.BACK_OFFICE: "Settlement and control",
    Office.MASTER_DATA: "Master data",
    Office.ACCOUNTING: "Accounting",
    Office.RISK_CONTROL: "Risk control",
    Office.CREDIT: "Credit back office",
    Office.COMPLIANCE: "Compliance",
    Office.INTERNAL_AUDIT: "Internal audit",
    Office.LEGAL: "Legal",
    Office.ADMINISTRATION: "Rights administration",
    Office.MANAGEMENT: "Board member for the back office",
    Office.LOG: "Log keeping",
}

ACCOUNTS = (
    *(AccountPlan(name, name, unit, office, (role,)) for name, unit, office, role in _PEOPLE),
    AccountPlan(MOVER_TRADING, "mover", "FX desk", Office.FRONT_OFFICE, ("trader",)),
    AccountPlan(MOVER_CONTROL, "mover", "FX desk", Office.BACK_OFFICE, ()),
    *(
        AccountPlan(
            f"svc.{office.value}",
            f"service of {office.value}",
            unit,
            office,
            (f"svc_{office.value}",),
            service=True,
            owner=f"owner of the service of {office.value}",
        )
        for office, unit in _SERVICE_UNITS.items()
    ),
)

PRODUCTS = ("fx_spot", "fx_forward", "mm_deposit", "mm_loan")
CUT_OFFS = tuple((product, time(18, 0)) for product in PRODUCTS)
TOLERANCES_BP = (("fx_spot", 300), ("fx_forward", 300), ("mm_deposit", 25), ("mm_loan", 25))
OWN_BANK = (DEMO_LEI, "Demo Bank", "TRNWDEFF")

_HOUSE = "house rule of the demo bank"
_CYCLE = "Regulation (EU) No 909/2014 Art. 5(2)"
_PENALTY = "Delegated Regulation (EU) 2017/389, annex; rates under review"
SETTLEMENT_TABLES: tuple[dict[str, Any], ...] = (
    *(
        {"rule": "cut_off", "currency": currency, "at": at, "zone": zone, "source": _HOUSE}
        for currency, at, zone in (
            ("EUR", time(16, 0), "Europe/Berlin"),
            ("USD", time(17, 0), "America/New_York"),
            ("GBP", time(15, 30), "Europe/London"),
            ("CHF", time(15, 0), "Europe/Zurich"),
        )
    ),
    {"rule": "ladder", "amount": Decimal("25000000.00"), "source": _HOUSE},
    {"rule": "freshness", "days": 30, "source": _HOUSE},
    {
        "rule": "cycle",
        "product": "security",
        "market": "EU venue",
        "currency": "EUR",
        "days": 2,
        "source": _CYCLE,
    },
    {
        "rule": "cycle",
        "product": "security",
        "market": "EU venue",
        "currency": "EUR",
        "days": 1,
        "valid_from": date(2027, 10, 11),
        "source": f"{_CYCLE} as amended, from 11 October 2027",
    },
    *(
        {"rule": "penalty", "product": instrument, "rate_bp": Decimal(rate), "source": source}
        for instrument, rate, source in (
            ("liquid_share", "1.00", _PENALTY),
            ("illiquid_share", "0.50", _PENALTY),
            ("corporate_bond", "0.20", _PENALTY),
            ("government_bond", "0.10", _PENALTY),
            ("cash", "0.50", _HOUSE),
        )
    ),
    *(
        {
            "rule": "reason",
            "code": code,
            "name_en": en,
            "name_de": de,
            "source": "ISO 20022 external code sets",
        }
        for code, en, de in (
            ("AC01", "incorrect account number", "falsche Kontonummer"),
            ("AC04", "closed account", "geschlossenes Konto"),
            ("AM04", "insufficient funds", "fehlende Deckung"),
            ("AM05", "duplicate payment", "doppelte Zahlung"),
            ("RC01", "incorrect bank identifier", "falsche Bankkennung"),
            ("TM01", "after the cut-off", "nach dem Annahmeschluss"),
        )
    ),
)


def founding(business_date: date) -> Founding:
    """Return what the demo bank begins with on ``business_date``."""
    return Founding(UNITS, ACCOUNTS, business_date, CUT_OFFS, TOLERANCES_BP, OWN_BANK, SETTLEMENT_TABLES)


def people() -> list[str]:
    """Return the accounts that people sign in to."""
    return [plan.name for plan in ACCOUNTS if not plan.service]
