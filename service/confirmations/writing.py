"""What we say, written in the form a counterparty reads: SWIFT message, FpML or letter; and the reminders."""

from datetime import date, datetime
from typing import Final, NamedTuple

from service.messages import fpml_confirmation, letter, mt300, mt320
from service.messages.terms import ConfirmedTerms


class Written(NamedTuple):
    """The bytes of a message, and what they are."""

    content: bytes
    media_type: str
    suffix: str
    format: str


def written(terms: ConfirmedTerms, form: str, language: str, made_at: datetime) -> Written:
    """Write a confirmation. Raises Unwritable where the form has no place for what must be said."""
    if form == "fpml":
        return Written(fpml_confirmation.write(terms, made_at=made_at), "application/xml", "xml", "fpml")
    if form == "letter":
        said = letter.pdf(terms, "de" if language == "de" else "en", made_on=made_at.date())
        return Written(said, "application/pdf", "pdf", f"letter_{language}")
    if terms.product.exchange:
        return Written(mt300.write(terms), "text/plain", "txt", "mt300")
    return Written(mt320.write(terms), "text/plain", "txt", "mt320")


REMINDERS: Final = {
    "en": (
        "Reminder: counter-confirmation missing\n\n"
        "Our reference: {reference}\nTrade date: {trade_date}\nThis reminder: business day {step} after the trade "
        "date\n\nWe sent you our confirmation of this deal on {sent} and have no counter-confirmation from you.\n"
        "Please send it to our settlement department directly. If you do not know this deal, tell us at once.\n"
    ),
    "de": (
        "Erinnerung: Gegenbestätigung fehlt\n\n"
        "Unsere Referenz: {reference}\nHandelstag: {trade_date}\nDiese Erinnerung: {step}. Geschäftstag nach dem "
        "Handelstag\n\nWir haben Ihnen unsere Bestätigung dieses Geschäfts am {sent} gesandt; Ihre "
        "Gegenbestätigung liegt uns nicht vor.\nBitte senden Sie sie unmittelbar an unsere Abwicklung. Kennen Sie "
        "dieses Geschäft nicht, so teilen Sie es uns sofort mit.\n"
    ),
}


def reminder(reference: str, trade_date: str, sent: date | None, step: int, language: str) -> Written:
    """Write a reminder; it names the deal by our reference and tells no terms a stranger could confirm back."""
    text = REMINDERS[language].format(
        reference=reference, trade_date=trade_date, sent="–" if sent is None else sent.isoformat(), step=step
    )
    return Written(text.encode(), "text/plain", "txt", f"reminder_{language}")
