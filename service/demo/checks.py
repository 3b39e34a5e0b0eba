"""What must be true when the days are over, held against what the bank says and what the plan foresaw."""

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from audit.keys import load_public
from audit.report import Report, Verdict
from audit.verify import verify
from service.bank import Bank
from service.cli import verify_log
from service.demo.days import House
from service.demo.hands import Hands, each
from service.demo.offices import Entered
from service.demo.plan import Story
from service.demo.trials import Trials
from service.kernel.money import plain
from service.settings import Settings

AUDITOR, CLOSER = "auditor", "closer"
ONE_OF_EACH_OFFICE = (
    *("trader", "second-desk-trader", "verifier", "accountant", "steward", "rights-owner"),
    *("risk-controller", "credit-officer", "legal", "board-back"),
)
TRADE, SETTLE, REVERSAL = "FX-SPOT-TRADE/1", "FX-SPOT-SETTLE/1", "REVERSAL/1"
FORWARD = ["FX-FORWARD-TRADE/1", "FX-FORWARD-SETTLE/1", "FX-FORWARD-SETTLE/1"]
STEPS = ("TRADE", "START", "INTEREST", "MATURITY")
JOURNALS = {
    Story.FORWARD: FORWARD,
    Story.DEPOSIT: [f"MM-DEPOSIT-{step}/1" for step in STEPS],
    Story.LOAN: [f"MM-LOAN-{step}/1" for step in STEPS],
    Story.AMENDED: [TRADE, REVERSAL, TRADE, SETTLE, SETTLE],
}
"""What a deal with another story than the plain one leaves in the books."""
CONTINGENT = ("9010", "9020", "9110", "9120", "9210", "9211", "9220", "9221", "1100", "2100", "1410", "2410")
NOSTRO = "1010"


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that must be so, and what was found."""

    sentence: str
    kept: bool
    found: str = ""


@dataclass(slots=True)
class Findings:
    """All promises, and the figures they were held against."""

    promises: list[Promise] = field(default_factory=list)
    views: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    balances: Mapping[str, Any] = field(default_factory=dict)
    log: Report | None = None

    def hold(self, sentence: str, wrong: Iterable[str], found: str = "") -> None:
        """Keep a promise with what speaks against it; nothing does if it is kept."""
        against = list(wrong)
        shown = "; ".join(against[:3]) + (f" and {len(against) - 3} more" if len(against) > 3 else "")  # noqa: PLR2004
        self.promises.append(Promise(sentence, not against, shown if against else found))


# --- deals


async def check_deals(house: House, findings: Findings) -> None:
    """Hold every deal's end against its story."""
    everything = {**house.entered, **{f"{key}-twin": twin for key, twin in house.twins.items()}}

    async def look(key: str) -> None:
        findings.views[key] = await house.hands.get(AUDITOR, f"/api/trades/{everything[key].id}")

    await each(list(everything), look)
    wrong = [
        f"{key}: {seen} instead of {wanted}"
        for key, entered in everything.items()
        if (seen := end_of(findings.views[key]))
        != (wanted := expected_end(entered, twin=key in _twins(house)))
    ]
    findings.hold("every deal came to the end its story has", wrong, f"{len(everything)} deals")
    strange, count = wrong_terms(everything, findings.views), f"{len(everything)} deals"
    findings.hold("every deal stands with the terms that were agreed", strange, count)
    taken = numbers_of(everything.values())
    last = ", ".join(f"{book} 1 to {len(numbers)}" for book, numbers in sorted(taken.items()))
    findings.hold("deal numbers have no gap in any book", gaps(taken), last)
    late = [key for key, entered in everything.items() if entered.deal.late != ("late" in entered.marks)]
    marked = sum("late" in entered.marks for entered in everything.values())
    findings.hold("deals after the cut-off, and no others, are marked as late", late, f"{marked} deals")


def _twins(house: House) -> set[str]:
    return {f"{key}-twin" for key in house.twins}


def expected_end(entered: Entered, *, twin: bool) -> str:
    """Return how a deal must stand in every office in the end."""
    story = entered.deal.story
    if twin or story is Story.UNJUSTIFIED:
        return end("cancelled", None, [], [])
    if story is Story.CANCELLED:
        return end("cancelled", "withdrawn", [], [TRADE, REVERSAL])
    if story is Story.CANCELLED_MATCHED:
        return end("cancelled", "withdrawn", ["withdrawn"] * 2, [TRADE, REVERSAL])
    return end("verified", "matched", ["settled"] * 2, JOURNALS.get(story, [TRADE, SETTLE, SETTLE]))


def end_of(view: Mapping[str, Any]) -> str:
    """Return how a deal stands in every office."""
    confirmation = view["confirmation"]
    return end(
        view["state"],
        None if confirmation is None else confirmation["state"],
        [leg["state"] for leg in view["legs"]],
        [journal["rule"] for journal in view["journals"]],
    )


def end(state: str, confirmation: str | None, legs: Sequence[str], journals: Sequence[str]) -> str:
    """Write it down."""
    paid, booked = "+".join(sorted(legs)) or "none", "+".join(sorted(journals)) or "none"
    return f"{state}, confirmation {confirmation or 'none'}, payments {paid}, journals {booked}"


def wrong_terms(everything: Mapping[str, Entered], views: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the deals whose terms in force are not those agreed."""
    wrong = []
    for key, entered in everything.items():
        stands = views[key]["terms"]
        agreed = {
            name: said
            for name, said in entered.deal.terms.items()
            if name in stands and name != "executed_at"
        }
        if any(not same(stands[name], said) for name, said in agreed.items()):
            wrong.append(key)
    return wrong


def same(stands: str, agreed: str) -> bool:
    """Tell whether two values of a term are one; 1.0 and 1.00 are."""
    try:
        return Decimal(stands) == Decimal(agreed)
    except InvalidOperation:
        return stands == agreed


def numbers_of(everything: Iterable[Entered]) -> dict[str, list[int]]:
    """Return the deal numbers of each book, in order."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for entered in everything:
        numbers[entered.deal.dealer.portfolio].append(entered.number)
    return {book: sorted(taken) for book, taken in numbers.items()}


def gaps(numbers: Mapping[str, Sequence[int]]) -> list[str]:
    """Return the books whose numbers are not 1, 2, 3 and so on."""
    return [book for book, taken in numbers.items() if list(taken) != list(range(1, len(taken) + 1))]


async def check_queues(house: House, findings: Findings) -> None:
    """Hold that no office has left anything undone."""
    waiting = []
    for account in ONE_OF_EACH_OFFICE:
        found = await house.hands.get(account, "/api/work")
        waiting += [f"{item['kind']} waits for the office of {account}" for item in found["items"]]
    findings.hold("nothing waits for anybody", waiting, f"queues of {len(ONE_OF_EACH_OFFICE)} desks")


# --- books


async def check_books(house: House, findings: Findings) -> None:
    """Hold positions and balances against the sums of the plan."""
    await check_balance(house.hands, findings)
    planned = planned_positions(house)
    found = {
        (one["portfolio"]["name"], one["currency"]): Decimal(one["amount"])
        for one in (await house.hands.get("risk-controller", "/api/positions"))["items"]
        if Decimal(one["amount"])
    }
    count = f"{len(found)} positions"
    findings.hold("positions are what was dealt and not cancelled", differing(planned, found), count)
    by_currency: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (_, currency), amount in planned.items():
        by_currency[currency] += amount
    accounts = findings.balances["items"]
    nostro = {a["currency"]: Decimal(a["balance"]) for a in accounts if a["account"] == NOSTRO}
    paid = {currency: amount for currency, amount in by_currency.items() if amount}
    moved = {currency: amount for currency, amount in nostro.items() if amount}
    count = f"{len(moved)} currencies"
    findings.hold(
        "the nostro accounts hold exactly what was paid and received", differing(paid, moved), count
    )
    left = [
        f"{a['account']} {a['currency']}: {a['balance']}"
        for a in accounts
        if a["account"] in CONTINGENT and (Decimal(a["balance"]) or Decimal(a["eur_balance"]))
    ]
    findings.hold("nothing is left to receive or to pay", left, f"accounts {' and '.join(CONTINGENT)}")


async def check_balance(hands: Hands, findings: Findings) -> None:
    """Hold that debits and credits are equal in every currency."""
    findings.balances = await hands.get(CLOSER, "/api/balances")
    proof = findings.balances["proof"]
    wrong = [one["currency"] for one in proof["currencies"] if Decimal(one["sum"]) or Decimal(one["eur_sum"])]
    if Decimal(proof["eur_sum"]):
        wrong.append(f"EUR over all: {proof['eur_sum']}")
    currencies = ", ".join(one["currency"] for one in proof["currencies"])
    findings.hold("debits equal credits in every currency", wrong, currencies)


def planned_positions(house: House) -> dict[tuple[str, str], Decimal]:
    """Return what the deals that stand add up to, by portfolio and currency; positive: we receive more."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entered in house.entered.values():
        if not entered.deal.story.ends_cancelled:
            for currency, amount in entered.deal.flows().items():
                sums[entered.deal.dealer.portfolio, currency] += amount
    return {key: amount for key, amount in sums.items() if amount}


def differing(planned: Mapping[Any, Decimal], found: Mapping[Any, Decimal]) -> list[str]:
    """Return where the figures differ."""
    return [
        f"{key}: {plain(found.get(key, Decimal(0)))} instead of {plain(planned.get(key, Decimal(0)))}"
        for key in sorted({*planned, *found}, key=str)
        if planned.get(key) != found.get(key)
    ]


# --- forbidden acts


def check_trials(trials: Trials, findings: Findings) -> None:
    """Hold that every forbidden act was refused, each for the right reason."""
    wrong = [
        f"{one.who} {one.what} ({one.way}): {one.got}, not {one.expected}"
        for one in trials.tried
        if not one.held
    ]
    count = len(trials.tried)
    findings.hold("every forbidden act was refused for the right reason", wrong, f"{count} forbidden acts")


# --- the log


async def check_log(bank: Bank, findings: Findings, receipts: Sequence[Mapping[str, Any]] = ()) -> None:
    """Publish the log to its last entry and verify it offline, then verify a copy with one flipped byte."""
    await bank.keeper.step()
    report = verify_log(bank.settings, receipts)
    findings.log = report
    kept = report.verdict is Verdict.VERIFIED
    findings.hold("the log verifies offline", [] if kept else report.lines(), f"{report.size} entries")
    if receipts:
        promised = report.check("V20")
        wrong = [] if promised.status == "ok" else [promised.sentence]
        findings.hold("every answer that was given stands in the log", wrong, f"{len(receipts)} receipts")
    flipped = flipped_verdict(bank.settings)
    wrong = [flipped.line()] if flipped.verdict is Verdict.VERIFIED else []
    findings.hold("a copy of the log with one flipped byte does not verify", wrong, flipped.line())


def flipped_verdict(settings: Settings) -> Report:
    """Verify a copy of the log in which one bit of one entry is another."""
    with tempfile.TemporaryDirectory(prefix="trennwand-") as folder:
        copy = Path(folder) / "log"
        shutil.copytree(settings.log_directory, copy)
        bundles = sorted(path for path in (copy / "tile" / "entries").rglob("*") if path.is_file())
        victim = bundles[len(bundles) // 2]
        content = bytearray(victim.read_bytes())
        content[len(content) // 2] ^= 1
        victim.chmod(0o600)
        victim.write_bytes(content)
        return verify(copy, load_public(str(settings.public_key_file)))


# --- what was exercised


def controls_exercised(house: House, trials: Trials) -> list[tuple[str, str, int]]:
    """Return which controls did something in these days: control, what it did, how often."""
    stories = Counter(entered.deal.story for entered in house.entered.values())
    late = sum("late" in entered.marks for entered in house.entered.values())
    refused = Counter(one.rule for one in trials.tried)
    cancelled = sum(stories[story] for story in (Story.CANCELLED, Story.CANCELLED_MATCHED)) + len(house.twins)
    settled = sum(len(entered.legs) for entered in house.entered.values() if not entered.cancelled)
    rows = [
        ("D-01", "an own deal was kept from a person who had changed sides", refused["D-01"]),
        ("D-02", "payments were prepared by one person and released by another", settled),
        ("S-01", "a control right was kept from a dealing person", refused["S-01"]),
        (
            "TRD-13",
            "a deal went into position and back office in one step",
            len(house.entered) + len(house.twins),
        ),
        (
            "TRD-14",
            "a body that said who, when or which number was refused",
            sum(one.what.startswith("says w") for one in trials.tried),
        ),
        (
            "TRD-15",
            "deal numbers without a gap were given by the database",
            len(house.entered) + len(house.twins),
        ),
        ("TRD-16", "late deals were marked", late),
        (
            "SET-01",
            "deals were confirmed from the verified version",
            len(house.entered) - stories[Story.CANCELLED],
        ),
        (
            "SET-05",
            "a mismatch was found and cleared with the counterparty",
            stories[Story.MISMATCHED] + stories[Story.MESSAGED],
        ),
        ("SET-12", "deals that were paid in one sum kept a confirmation each", stories[Story.NETTED]),
        ("SET-05", "a payment was refused and booked by our bank's messages", stories[Story.BANKED]),
        ("SET-05", "a confirmation that came through trading closed nothing", stories[Story.FORWARDED]),
        ("SET-05", "a deal that the bank does not have was cleared outside trading", stories[Story.ALLEGED]),
        ("SEG-02", "a deal was controlled by a deputy, approved for a time", stories[Story.DEPUTISED]),
        ("TRD-19", "a trader on leave was kept out", refused["TRD-19"]),
        ("ORG-03", "the staff number of a leaver was not given again", refused["ORG-03"]),
        ("ORG-14", "a policy that its proof refutes was not even kept", refused["ORG-14"]),
        ("SET-19", "cancellations were decided outside trading", cancelled + stories[Story.KEPT]),
    ]
    return [row for row in rows if row[2]]
