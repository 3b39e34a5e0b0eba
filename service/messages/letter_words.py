"""The words of the letters, in German and English: chosen as banks write them, not translated."""

from collections.abc import Mapping
from typing import Final

from service.messages.terms import Operation, Product
from service.ui.languages import Language

KINDS: Final[Mapping[Language, Mapping[Product, str]]] = {
    "de": {
        Product.FX_SPOT: "Devisenkassageschäft",
        Product.FX_FORWARD: "Devisentermingeschäft",
        Product.MM_DEPOSIT: "Termingeldanlage",
        Product.MM_LOAN: "Termingeldaufnahme",
    },
    "en": {
        Product.FX_SPOT: "Foreign exchange spot deal",
        Product.FX_FORWARD: "Foreign exchange forward deal",
        Product.MM_DEPOSIT: "Fixed deposit placed",
        Product.MM_LOAN: "Fixed deposit taken",
    },
}
TITLES: Final[Mapping[Language, Mapping[Operation, str]]] = {
    "de": {
        Operation.NEW: "Geschäftsbestätigung",
        Operation.AMEND: "Geänderte Geschäftsbestätigung",
        Operation.CANCEL: "Storno einer Geschäftsbestätigung",
    },
    "en": {
        Operation.NEW: "Confirmation of a deal",
        Operation.AMEND: "Amended confirmation of a deal",
        Operation.CANCEL: "Cancellation of a confirmation",
    },
}
OPENINGS: Final[Mapping[Language, Mapping[Operation, str]]] = {
    "de": {
        Operation.NEW: "wir bestätigen das folgende, mit Ihnen abgeschlossene Geschäft:",
        Operation.AMEND: "diese Bestätigung ersetzt unsere Bestätigung {previous}. Das Geschäft lautet nun:",
        Operation.CANCEL: "unsere Bestätigung {previous} des folgenden Geschäfts ist gegenstandslos:",
    },
    "en": {
        Operation.NEW: "We confirm the following deal concluded with you:",
        Operation.AMEND: "This confirmation replaces our confirmation {previous}. The deal now reads:",
        Operation.CANCEL: "Our confirmation {previous} of the following deal is void:",
    },
}
WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "de": {
        "greeting": "Sehr geehrte Damen und Herren,",
        "short": "Kurzbestätigung: Sie enthält die wesentlichen Daten; die ausführliche Bestätigung folgt.",
        "terms": "Bedingungen des Geschäfts",
        "kind": "Geschäftsart",
        "our_reference": "Unser Zeichen",
        "their_reference": "Ihr Zeichen",
        "counterparty": "Kontrahent",
        "trade_date": "Handelstag",
        "value_date": "Valuta",
        "bought": "Wir kaufen",
        "sold": "Wir verkaufen",
        "rate": "Kurs",
        "spot_rate": "Kassakurs",
        "forward_points": "Terminaufschlag oder -abschlag",
        "placed": "Wir legen bei Ihnen an",
        "taken": "Wir nehmen bei Ihnen auf",
        "start_date": "Beginn der Laufzeit",
        "maturity_date": "Fälligkeit",
        "rate_percent": "Zinssatz",
        "a_year": "{rate} % p. a.",
        "day_count": "Zinsmethode",
        "interest": "Zinsen bei Fälligkeit",
        "repayment": "Rückzahlung bei Fälligkeit",
        "broker": "Makler",
        "side_agreement": "Nebenabreden",
        "none": "keine",
        "our_account": "Zahlung an uns",
        "their_account": "Zahlung an Sie",
        "account_at": "Konto {account} bei {bic}",
        "account_alone": "Konto {account}",
        "off_market": "Nicht marktgerechte Bedingungen",
        "off_market_text": "Dieses Geschäft weicht bewusst von marktgerechten Bedingungen ab (BTO 2.2.1 Tz. 2 MaRisk). "
        "Im Wortlaut der Vereinbarung: {clause}",
        "answer": "Bitte bestätigen Sie uns diese Bedingungen unverzüglich, und zwar unmittelbar gegenüber unserer "
        "Abwicklung und Kontrolle, nicht gegenüber dem Handel. Abweichungen teilen Sie uns bitte sofort mit.",
        "machine": "Dieses Schreiben wurde maschinell erstellt und ist ohne Unterschrift gültig.",
        "from": "Absender",
        "to": "Empfänger",
        "date": "Datum",
    },
    "en": {
        "greeting": "Dear Sir or Madam,",
        "short": "Short form: it holds the essential data; the long form follows.",
        "terms": "Terms of the deal",
        "kind": "Type of deal",
        "our_reference": "Our reference",
        "their_reference": "Your reference",
        "counterparty": "Counterparty",
        "trade_date": "Trade date",
        "value_date": "Value date",
        "bought": "We buy",
        "sold": "We sell",
        "rate": "Rate",
        "spot_rate": "Spot rate",
        "forward_points": "Forward points",
        "placed": "We place with you",
        "taken": "We take from you",
        "start_date": "Start date",
        "maturity_date": "Maturity date",
        "rate_percent": "Interest rate",
        "a_year": "{rate} % per annum",
        "day_count": "Day count",
        "interest": "Interest at maturity",
        "repayment": "Repayment at maturity",
        "broker": "Broker",
        "side_agreement": "Side agreements",
        "none": "none",
        "our_account": "Payment to us",
        "their_account": "Payment to you",
        "account_at": "account {account} with {bic}",
        "account_alone": "account {account}",
        "off_market": "Off-market terms",
        "off_market_text": "This deal deliberately departs from market terms (BTO 2.2.1 no. 2 MaRisk). "
        "As it was agreed: {clause}",
        "answer": "Please confirm these terms without delay, directly to our settlement and control department and not "
        "to our trading desk. Please tell us at once of anything that differs.",
        "machine": "This letter was made by machine and is valid without a signature.",
        "from": "From",
        "to": "To",
        "date": "Date",
    },
}
