"""Account numbers of payment routes: an IBAN where there are IBANs, the bank's own number elsewhere."""

import re
from typing import Final

from service.kernel.identifiers import InvalidIdentifier, check_iban

_BEGINS_LIKE_AN_IBAN: Final = re.compile(r"\A[A-Z]{2}[0-9]{2}", re.ASCII)
_OWN_NUMBER: Final = re.compile(r"\A[A-Z0-9]{1,34}\Z", re.ASCII)


def check_account_number(text: str, currency: str) -> str:
    """Return the account number unchanged, or refuse it.

    An account in euro has an IBAN. In other currencies whatever begins like an IBAN must be one,
    so that a mistyped IBAN never passes as another bank's own number.

    Raises InvalidIdentifier.
    """
    if currency == "EUR" or _BEGINS_LIKE_AN_IBAN.match(text):
        return check_iban(text)
    if _OWN_NUMBER.match(text) is None:
        raise InvalidIdentifier(f"{text[:40]!a} is no account number: 1 to 34 capital letters and digits")
    return text
