"""An account in euro has an IBAN; elsewhere the bank's own number counts, but no mistyped IBAN."""

import pytest

from service.kernel.identifiers import InvalidIdentifier
from service.parties.account_numbers import check_account_number


@pytest.mark.parametrize(
    ("number", "currency"),
    [
        ("DE89370400440532013000", "EUR"),
        ("GB82WEST12345698765432", "USD"),
        ("36852369", "USD"),
        ("A1B2", "JPY"),
        ("9" * 34, "USD"),
    ],
)
def test_a_good_account_number_stays_as_written(number: str, currency: str) -> None:
    assert check_account_number(number, currency) == number


@pytest.mark.parametrize(
    ("number", "currency"),
    [
        ("36852369", "EUR"),  # no IBAN
        ("DE89370400440532013001", "EUR"),
        ("GB82WEST12345698765433", "USD"),  # a mistyped IBAN is no other bank's number
        ("GB82 WEST 1234 5698 7654 32", "USD"),
        ("abc", "USD"),
        ("", "USD"),
        ("٣٦٨٥", "USD"),
        ("1234\n", "USD"),
        ("9" * 35, "USD"),
    ],
)
def test_a_bad_account_number_is_refused(number: str, currency: str) -> None:
    with pytest.raises(InvalidIdentifier):
        check_account_number(number, currency)
