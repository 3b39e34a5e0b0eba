"""The demo bank's master data: counterparties named by role, the desks' books, and where money is paid to.

Identifiers fit their standards and belong to nobody: the LEIs' issuer number holds ``DEMO00``, the BICs are of
the form kept for tests, the bank codes of the IBANs are not given out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.demo import cast
from service.demo.hands import Hands, each
from service.demo.plan import CURRENCIES, FX_EUR, FX_USD

STEWARD, APPROVER = "steward", "steward-approver"


ALWAYS = {"valid_from": "1999-01-04", "valid_to": "2099-12-31"}


@dataclass(frozen=True, slots=True)
class Bank:
    """A counterparty: name, legal entity identifier, BIC, its account in euro, and who keeps its accounts."""

    name: str
    lei: str
    bic: str
    iban: str
    kept_at: str = ""

    @property
    def number(self) -> str:
        """Return where its control desk is called: a number of the range kept for fiction."""
        return f"+49 30 23125 {sum(self.bic.encode()) % 1000:03}"

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

LIMIT_EUR, MARKET_LIMIT_EUR, MANDATE_EUR = "500000000.00", "5000000000.00", "5000000.00"
NOSTRO_BANK = "NSTRDEF0"  # keeps our accounts in every currency
PORTFOLIOS = ((FX_EUR, "FX desk"), (FX_USD, "Second FX desk"))


async def enter_master_data(hands: Hands) -> None:
    """Propose and approve everything the desks need, each time by two people."""
    await each(BANKS, lambda bank: enter_counterparty(hands, bank))
    await each(BANKS, lambda bank: enter_channel(hands, bank))
    await each(PORTFOLIOS, lambda book: enter_portfolio(hands, *book))
    await each((*BANKS, OWN_BANK), lambda bank: enter_number(hands, bank))
    routes = [(bank, currency) for bank in BANKS for currency in CURRENCIES]
    routes += [(OWN_BANK, currency) for currency in CURRENCIES]
    await each(routes, lambda route: enter_instruction(hands, *route))
    await each(BANKS, lambda bank: enter_limit(hands, bank))
    await each(PORTFOLIOS, lambda book: enter_market_limit(hands, book[0]))
    await each(BANKS, lambda bank: enter_agreement(hands, bank))
    await enter_mandate(hands)


OWN_BANK = Bank(
    cast.OWN_BANK[1], cast.OWN_BANK[0], cast.OWN_BANK[2], "DE48999999991000000001", kept_at=NOSTRO_BANK
)


def leis() -> Sequence[str]:
    """Return the counterparties' legal entity identifiers."""
    return [bank.lei for bank in BANKS]


async def enter_counterparty(hands: Hands, bank: Bank) -> None:
    """Enter a bank to deal with."""
    terms = {"lei": bank.lei, "name": bank.name, "bic": bank.bic}
    await enter(hands, "/api/counterparties", terms, f"counterparty-{bank.bic}")


async def enter_channel(hands: Hands, bank: Bank) -> None:
    """Enter how deals are confirmed with a bank: SWIFT messages, in a folder that both sides see."""
    terms = {
        "counterparty": bank.lei,
        "format": "swift",
        "medium": "file",
        "address": bank.bic,
        "senders": [bank.bic],
        "language": "en",
        "party_class": "financial",
        "call_back": "+49 30 23125 000",
    }
    await enter(hands, "/api/channels", terms, f"channel-{bank.bic}")


async def enter_portfolio(hands: Hands, name: str, desk: str) -> None:
    """Enter a desk's book."""
    await enter(hands, "/api/portfolios", {"name": name, "desk": desk}, f"portfolio-{name}")


async def enter_instruction(hands: Hands, bank: Bank, currency: str) -> None:
    """Enter where a bank wants its money in a currency."""
    terms = {
        "counterparty": bank.lei,
        "currency": currency,
        "bic": bank.kept_at or bank.bic,
        "account_number": bank.account(currency),
    }
    key = f"instruction-{bank.bic}-{currency}"
    entered = await enter(hands, "/api/instructions", terms, key)
    call = {
        "instruction_id": entered["id"],
        "number": bank.number,
        "spoke_to": "control desk of the counterparty",
        "outcome": "confirmed",
        "note": "account and BIC read back",
    }
    made = await hands.act("settler", "/api/call-backs", call, f"{key}-call")
    checked = {"version": made["version"], "verdict": "confirmed"}
    await hands.act("releaser", f"/api/call-backs/{made['id']}/check", checked, f"{key}-call-check")


async def enter_number(hands: Hands, bank: Bank) -> None:
    """Keep the number at which a bank is called about its payment routes."""
    line = {
        "rule": "call_back",
        "counterparty": bank.lei,
        "number": bank.number,
        "valid_from": ALWAYS["valid_from"],
        "source": "signed account opening form",
        "reason": "needed before the first payment",
    }
    proposed = await hands.act(STEWARD, "/api/settlement-rules", line, f"number-{bank.bic}")
    path = f"/api/settlement-rules/{proposed['id']}/approval"
    await hands.act(APPROVER, path, {"version": proposed["version"]}, f"number-{bank.bic}-approval")


async def enter(hands: Hands, path: str, terms: dict[str, Any], key: str) -> dict[str, Any]:
    """Propose by one person, approve by another; return what was proposed, whose ``id`` is the object's."""
    proposed = await hands.act(STEWARD, path, terms, f"{key}-proposal")
    seen = {"version": proposed["version"]}
    await hands.act(APPROVER, f"/api/proposals/{proposed['proposal']}/approval", seen, f"{key}-approval")
    return proposed


async def enter_limit(hands: Hands, bank: Bank) -> None:
    """Have trading propose a counterparty's limit and two of credit vote for it."""
    body = {
        "counterparty": bank.lei,
        "amount_eur": LIMIT_EUR,
        **ALWAYS,
        "reason": "business plan of the year",
    }
    proposed = await hands.act("head-of-trading", "/api/limits", body, f"limit-{bank.bic}")
    await vote(
        hands, f"/api/limits/{proposed['id']}/vote", ("credit-officer", "other-credit-officer"), bank.bic
    )


async def enter_market_limit(hands: Hands, portfolio: str) -> None:
    """Have risk control propose a book's limit and two others of it vote for it."""
    body = {
        "portfolio": portfolio,
        "amount_eur": MARKET_LIMIT_EUR,
        **ALWAYS,
        "reason": "risk-bearing capacity",
    }
    proposed = await hands.act("risk-controller", "/api/market-limits", body, f"market-limit-{portfolio}")
    path = f"/api/market-limits/{proposed['id']}/vote"
    await vote(hands, path, ("other-risk-controller", "head-of-risk"), portfolio)


async def vote(hands: Hands, path: str, voters: Sequence[str], key: str) -> None:
    """Have people vote for a limit, one after the other."""
    for version, voter in enumerate(voters, start=1):
        ballot = {"version": version, "vote": "approve", "reason": "within what the bank can bear"}
        await hands.act(voter, path, ballot, f"vote-{key}-{voter}")


async def enter_agreement(hands: Hands, bank: Bank) -> None:
    """File a master agreement and have legal clear it."""
    body = {
        "counterparty": bank.lei,
        "form": "master_agreement",
        "name": "DRV",
        "valid_from": ALWAYS["valid_from"],
    }
    draft = await hands.act(STEWARD, "/api/agreements", body, f"agreement-{bank.bic}")
    path = f"/api/agreements/{draft['id']}/clearance"
    await hands.act("legal", path, {"version": draft["version"]}, f"agreement-{bank.bic}-clearance")


async def enter_mandate(hands: Hands) -> None:
    """Let one trader deal from home up to a size, set by two of the back office."""
    body = {
        "rule": "mandate",
        "trader": "trader",
        "locations": ["home_office"],
        "max_eur": MANDATE_EUR,
        "valid_from": ALWAYS["valid_from"],
        "reason": "home-office rules of the desk",
    }
    proposed = await hands.act("verifier", "/api/desk-rules", body, "mandate")
    path = f"/api/desk-rules/{proposed['id']}/approval"
    await hands.act("other-verifier", path, {"version": proposed["version"]}, "mandate-approval")
