"""Other people's identifiers are checked by their standards; our own ids only grow."""

import threading
from uuid import UUID

import pytest

from service.kernel.identifiers import InvalidIdentifier, Uuid7Source, check_bic, check_iban, check_lei, uuid7

LEI = "529900T8BM49AURSDO55"


def test_a_true_lei_passes_unchanged() -> None:
    assert check_lei(LEI) == LEI


@pytest.mark.parametrize(
    "text",
    [
        "",
        LEI[:-1],
        LEI + "0",
        LEI.lower(),
        f" {LEI}",
        f"{LEI}\n",
        LEI[:-1] + "6",
        "5" * 18 + "ÄÖ",
        LEI[:18] + "XX",
    ],
)
def test_a_lei_with_wrong_shape_or_check_digits_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="LEI"):
        check_lei(text)


@pytest.mark.parametrize("text", ["DEUTDEFF", "DEUTDEFF500", "ABCDHUH0XXX"])
def test_a_bic_of_8_or_11_characters_passes(text: str) -> None:
    assert check_bic(text) == text


@pytest.mark.parametrize(
    "text", ["", "DEUTDEF", "DEUTDEFF5", "deutdeff", "DEUT DEFF", "1EUTDEFF", "DEUTDEFF\n"]
)
def test_a_bic_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match="BIC"):
        check_bic(text)


def test_an_iban_is_checked_by_its_country_and_its_check_digits() -> None:
    assert check_iban("DE89370400440532013000") == "DE89370400440532013000"
    for text in (
        "DE88370400440532013000",
        "DE8937040044053201300",
        "DE89 3704 0044 0532 0130 00",
        "",
        "XX" * 10,
    ):
        with pytest.raises(InvalidIdentifier, match="IBAN"):
            check_iban(text)


def test_an_id_carries_version_variant_and_time() -> None:
    made = Uuid7Source().next(4_000_000_000_000)

    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == 4_000_000_000_000


def test_ids_grow_even_when_the_clock_stands_or_goes_back() -> None:
    source = Uuid7Source()

    made = [source.next(4_100_000_000_000 - back) for back in range(5_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_receive_the_same_id() -> None:
    made: list[list[UUID]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda mine=mine: mine.extend(uuid7() for _ in range(500))) for mine in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(mine == sorted(mine) for mine in made)
    assert len({one for mine in made for one in mine}) == 2_000
