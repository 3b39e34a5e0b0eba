"""The demo bank's master data: counterparties named by role, the desks' books, and where money is paid to.

Identifiers fit their standards and belong to nobody: the LEIs' issuer number holds ``DEMO00``, the BICs are of
the form kept for tests, the bank codes of the IBANs are not given out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.demo.hands import Hands, each
from service.demo.plan import CURRENCIES, FX_EUR, FX_USD

STEWARD, APPROVER = "steward", "steward-approver"


@dataclass(frozen=True, slots=True)
class Bank:
    """A counterparty: name, legal entity identifier, BIC, and its account in euro."""

    name: str
    lei: str
    bic: str
    iban: str

    def account(self, currency: str) -> str:
        """Return the number of its account in a currency."""
        return self.iban if currency == "EUR" else f"NOSTRO{currency}{self.bic}"


BANKS = (
    Bank("Counterparty Bank A", "529900DEMO00CPBNKA52", "CPBADEF0", "DE13999999011000000001"),
    Bank("Counterparty Bank B", "529900DEMO00CPBNKB49", "CPBBFRF0", "DE48999999021000000001"),
    Bank("Counterparty Bank C", "529900DEMO00CPBNKC46", "CPBCGBF0", "DE83999999031000000001"),
    Bank("Counterparty Bank D", "529900DEMO00CPBNKD43", "CPBDCHF0", "DE21999999041000000001"),
    Bank("Counterparty Bank E", "529900DEMO00CPBNKE40", "CPBEUSF0", "DE56999999051000000001"),
    Bank("Counterparty Bank F", "529900DEMO00CPBNKF37", "CPBFJPF0", "DE91999999061000000001"),
    Bank("Counterparty Bank G", "529900DEMO00CPBNKG34", "CPBGSEF0", "DE29999999071000000001"),
    Bank("Counterparty Bank H", "529900DEMO00CPBNKH31", "CPBHPLF0", "DE64999999081000000001"),
)

PORTFOLIOS = ((FX_EUR, "FX desk"), (FX_USD, "Second FX desk"))


async def enter_master_data(hands: Hands) -> None:
    """Propose and approve everything the desks need, each time by two people."""
    await each(BANKS, lambda bank: enter_counterparty(hands, bank))
    await each(PORTFOLIOS, lambda book: enter_portfolio(hands, *book))
    routes = [(bank, currency) for bank in BANKS for currency in CURRENCIES]
    await each(routes, lambda route: enter_instruction(hands, *route))


def leis() -> Sequence[str]:
    """Return the counterparties' legal entity identifiers."""
    return [bank.lei for bank in BANKS]


async def enter_counterparty(hands: Hands, bank: Bank) -> None:
    """Enter a bank to deal with."""
    terms = {"lei": bank.lei, "name": bank.name, "bic": bank.bic}
    await enter(hands, "/api/counterparties", terms, f"counterparty-{bank.bic}")


async def enter_portfolio(hands: Hands, name: str, desk: str) -> None:
    """Enter a desk's book."""
    await enter(hands, "/api/portfolios", {"name": name, "desk": desk}, f"portfolio-{name}")


async def enter_instruction(hands: Hands, bank: Bank, currency: str) -> None:
    """Enter where a bank wants its money in a currency."""
    terms = {
        "counterparty": bank.lei,
        "currency": currency,
        "bic": bank.bic,
        "account_number": bank.account(currency),
    }
    await enter(hands, "/api/instructions", terms, f"instruction-{bank.bic}-{currency}")


async def enter(hands: Hands, path: str, terms: dict[str, Any], key: str) -> None:
    """Propose by one person, approve by another."""
    proposed = await hands.act(STEWARD, path, terms, f"{key}-proposal")
    seen = {"version": proposed["version"]}
    await hands.act(APPROVER, f"/api/proposals/{proposed['proposal']}/approval", seen, f"{key}-approval")
