"""What the codes of papers and of how deals are confirmed are called on a page, and the fields of settlement tables."""

from typing import Final

from service.ui.languages import N_

DOCUMENT_KINDS: Final[dict[str, str]] = {
    "confirmation_in": N_("Their confirmation"),
    "confirmation_out": N_("Our confirmation"),
    "contract": N_("Contract"),
    "evidence": N_("Evidence"),
    "letter": N_("Letter"),
    "other": N_("Other paper"),
    "payment_out": N_("Payment message"),
    "statement": N_("Statement"),
    "status_in": N_("Bank's word"),
}

MESSAGE_FORMATS: Final[dict[str, str]] = {
    "fpml": N_("FpML message"),
    "letter": N_("Letter"),
    "swift": N_("SWIFT message"),
}

MEDIA: Final[dict[str, str]] = {"file": N_("Folder"), "mail": N_("Mail")}

SPEECHES: Final[dict[str, str]] = {"de": N_("German"), "en": N_("English")}

PARTY_CLASSES: Final[dict[str, str]] = {
    "financial": N_("Financial counterparty"),
    "non_financial": N_("Non-financial below the threshold"),
    "non_financial_plus": N_("Non-financial above the threshold"),
}

INSTRUMENTS: Final[dict[str, str]] = {
    "cash": N_("Cash"),
    "corporate_bond": N_("Corporate bond"),
    "government_bond": N_("Government bond"),
    "illiquid_share": N_("Illiquid share"),
    "liquid_share": N_("Liquid share"),
    "other": N_("Other"),
}

FIELDS: Final[dict[str, str]] = {
    "agreement": N_("Master agreement"),
    "allowed": N_("Netting is allowed"),
    "amounts": N_("Amounts may lie apart by"),
    "call_back": N_("Number of their control desk"),
    "code": N_("Code"),
    "days": N_("Business days"),
    "deemed_clause": N_("Clause that says so"),
    "deemed_days": N_("Days until silence counts"),
    "effective_at": N_("In force from"),
    "format": N_("Format"),
    "market": N_("Market"),
    "medium": N_("Way"),
    "name_de": N_("Name in German"),
    "name_en": N_("Name in English"),
    "number": N_("Telephone number"),
    "party_class": N_("Class under EMIR"),
    "rate_bp": N_("Basis points a day"),
    "rates": N_("Rates may lie apart by"),
    "sender": N_("Sender"),
    "senders": N_("Senders"),
    "unit": N_("Unit"),
    "zone": N_("Time zone"),
}
