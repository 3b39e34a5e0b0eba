"""What each office does with a deal: captured, checked, confirmed, settled, each step by its own people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from service.demo.hands import Hands, until
from service.demo.plan import Deal, Story, pick
from service.kernel.calendar import is_business_day, next_business_day
from service.kernel.money import plain

WRONG_BANK = "the counterparty dealt with the wrong bank"
GONE = frozenset({"delivered", "dropped"})
TOO_MUCH = 1_000  # what the counterparty's first message says too much


@dataclass(slots=True)
class Leg:
    """A payment of a deal as last seen."""

    id: str
    leg: str
    currency: str
    value_date: date
    version: int = 1


@dataclass(slots=True)
class Entered:
    """A deal that was captured, with what the offices' answers said of it last."""

    deal: Deal
    id: str
    number: int
    marks: list[str]
    captured: Mapping[str, Any]
    version: int = 1
    confirmation: str = ""
    ours: dict[str, str] = field(default_factory=dict)
    legs: list[Leg] = field(default_factory=list)
    cancelled: bool = False
    verifier: str = ""

    def __post_init__(self) -> None:
        """Choose who will check it."""
        self.verifier = self.verifier or self.one_of("verifier")

    @property
    def key(self) -> str:
        """What the keys of all acts on it begin with."""
        return self.deal.key

    def seen(self) -> dict[str, int]:
        """Return the version seen last, as acts carry it."""
        return {"version": self.version}

    def one_of(self, role: str) -> str:
        """Return one of the two people with this role, always the same for the deal."""
        return (role, f"other-{role}")[pick(self.key, role, 2)]


def payment_day(value_date: date) -> date:
    """Return the bank's business date on which a value date is worked on: its own, unless T2 is closed."""
    good = is_business_day(value_date, "EUR")
    return value_date if good else next_business_day(value_date - timedelta(days=1), "EUR")


# --- front office


async def capture(hands: Hands, deal: Deal, *, twin: bool = False) -> Entered:
    """Enter the deal as its trader typed it; a twin is the same deal entered a second time by mistake."""
    body = {**deal.entered, "counterparty": deal.counterparty}
    key = f"{deal.key}-twin" if twin else deal.key
    answer = await hands.act(deal.dealer.account, "/api/trades", body, f"{key}-capture")
    return Entered(deal, answer["id"], answer["deal_number"], answer["marks"], answer, answer["version"])


async def resubmit(hands: Hands, entered: Entered) -> None:
    """Enter the right amount: another version of the deal."""
    terms = {**entered.deal.terms, "counterparty": entered.deal.counterparty}
    answer = await hands.act(
        entered.deal.dealer.account,
        f"/api/trades/{entered.id}/resubmission",
        entered.seen() | terms,
        f"{entered.key}-resubmission",
    )
    entered.version = answer["version"]


async def ask_to_cancel(hands: Hands, entered: Entered, reason: str, key: str) -> dict[str, Any]:
    """Ask for a cancellation; deciding it is not trading's business."""
    return await hands.act(
        entered.deal.dealer.account,
        f"/api/trades/{entered.id}/cancellations",
        entered.seen() | {"reason": reason},
        f"{key}-cancellation",
    )


# --- back office: control


async def check(hands: Hands, entered: Entered) -> None:
    """Agree the terms, or send the deal back and agree what comes again."""
    if entered.deal.story is Story.RETURNED:
        reason = "the amount has one zero too many against the dealing ticket"
        await send_back(hands, entered, reason, entered.key)
        await resubmit(hands, entered)
    if entered.cancelled:
        return
    path = f"/api/trades/{entered.id}/verification"
    await hands.act(entered.verifier, path, entered.seen(), f"{entered.key}-verification")


async def send_back(hands: Hands, entered: Entered, reason: str, key: str) -> None:
    """Return the deal to its trader with the reason."""
    await hands.act(
        entered.verifier,
        f"/api/trades/{entered.id}/return",
        entered.seen() | {"reason": reason},
        f"{key}-return",
    )


async def sort_out_twin(hands: Hands, twin: Entered) -> None:
    """Return a deal that stands in the books twice; its trader asks to cancel it, the back office agrees."""
    key = f"{twin.key}-twin"
    await send_back(hands, twin, "the same deal stands in the books already", key)
    request = await ask_to_cancel(hands, twin, "entered twice by mistake", key)
    await decide(hands, twin, request, approve=True, key=key)


async def decide(
    hands: Hands, entered: Entered, request: Mapping[str, Any], *, approve: bool, key: str
) -> None:
    """Approve or refuse what trading asked for."""
    body = {"version": request["version"], "reason": "agreed with the counterparty in writing"}
    what = "approval"
    if not approve:
        body["reason"], what = "the counterparty insists on the deal", "refusal"
    await hands.act(entered.verifier, f"/api/requests/{request['id']}/{what}", body, f"{key}-{what}")
    entered.cancelled = approve


async def cancel(hands: Hands, entered: Entered) -> None:
    """Cancel a verified deal: asked for by trading, approved outside it."""
    request = await ask_to_cancel(hands, entered, WRONG_BANK, entered.key)
    await decide(hands, entered, request, approve=True, key=entered.key)


# --- back office: confirmation


async def confirm(hands: Hands, entered: Entered) -> None:
    """Send our side, record theirs, compare; a wrong word of theirs is corrected by them."""
    if entered.cancelled:
        return
    if entered.deal.story is Story.CANCELLED:
        await cancel(hands, entered)
        return
    path, key = f"/api/confirmations/{entered.confirmation}", f"{entered.key}-confirmation"
    confirmer = entered.one_of("confirmer")
    sent = await hands.act(confirmer, f"{path}/dispatch", {"version": 1}, f"{key}-dispatch")
    version = sent["version"]
    if entered.deal.story is Story.MISMATCHED:
        wrong = entered.ours | {"buy_amount": plain(Decimal(entered.ours["buy_amount"]) + TOO_MUCH)}
        said = await hands.act(
            confirmer, f"{path}/counter", {"version": version, "fields": wrong}, f"{key}-wrong"
        )
        broken = await hands.act(confirmer, f"{path}/match", {"version": said["version"]}, f"{key}-mismatch")
        version = broken["version"]
    theirs = entered.ours | {"reference": f"CP-{entered.key}"}
    said = await hands.act(
        confirmer, f"{path}/counter", {"version": version, "fields": theirs}, f"{key}-counter"
    )
    await hands.act(confirmer, f"{path}/match", {"version": said["version"]}, f"{key}-match")
    await sign_off(hands, entered)


async def sign_off(hands: Hands, entered: Entered) -> None:
    """Have the verifier sign for what a clerk typed: the counterparty confirmed without a message."""
    path = f"/api/confirmations/{entered.confirmation}"
    drawn = (await hands.get(entered.verifier, f"{path}/papers"))["checklist"]
    if drawn is not None and drawn["state"] == "open":
        why = {
            "version": drawn["version"],
            "code": "no_message",
            "reason": "they confirm in their own portal",
        }
        await hands.act(entered.verifier, f"{path}/checklist", why, f"{entered.key}-checklist")


async def find_confirmation(hands: Hands, entered: Entered) -> None:
    """Wait for the draft that the office's own account makes of a verified deal."""
    if entered.cancelled:
        return

    async def look() -> Any:
        found = await hands.get(entered.one_of("confirmer"), "/api/confirmations", trade=entered.id)
        drafts = (one for one in found["items"] if one["trade_version"] == entered.version)
        return next(drafts, None)

    draft = await until(look, f"the confirmation of {entered.key} is drafted")
    entered.confirmation, entered.ours = draft["id"], draft["ours"]


# --- back office: settlement


async def settle(hands: Hands, entered: Entered) -> None:
    """Prepare both payments by one person and release them by another."""
    if entered.cancelled:
        return
    await find_legs(hands, entered)
    for leg in entered.legs:
        await prepare(hands, entered, leg, "preparation")
    if entered.deal.story is Story.CANCELLED_MATCHED:
        await cancel(hands, entered)
        return
    if entered.deal.story is Story.KEPT:
        request = await ask_to_cancel(hands, entered, "the desk changed its mind", entered.key)
        await decide(hands, entered, request, approve=False, key=entered.key)
    for leg in entered.legs:
        await release(hands, entered, leg, "release")


async def find_legs(hands: Hands, entered: Entered) -> None:
    """Wait for the two payments that the office's own account lays out for a matched deal."""

    async def look() -> Any:
        found = await hands.get(entered.one_of("settler"), "/api/settlements", trade=entered.id)
        return [one for one in found["items"] if one["trade_version"] == entered.version] or None

    legs = await until(look, f"the payments of {entered.key} are laid out")
    entered.legs = [
        Leg(leg["id"], leg["leg"], leg["currency"], date.fromisoformat(leg["value_date"]))
        for leg in legs
        if leg["trade_version"] == entered.version
    ]


async def prepare(hands: Hands, entered: Entered, leg: Leg, what: str) -> None:
    """Pick the payment route."""
    await move(hands, entered, leg, entered.one_of("settler"), "preparation", what)


async def release(hands: Hands, entered: Entered, leg: Leg, what: str) -> None:
    """Let the payment go."""
    await move(hands, entered, leg, entered.one_of("releaser"), "release", what)


async def complete(hands: Hands, entered: Entered, day: date) -> None:
    """Attest that the payments of the day settled; one that failed is prepared and released again."""
    for number, leg in enumerate(entered.legs):
        if payment_day(leg.value_date) != day:
            continue
        await until_sent(hands, leg)
        if entered.deal.story is Story.FAILING and number == 0:
            reason = "the correspondent bank rejected the payment"
            await move(hands, entered, leg, entered.one_of("settler"), "failure", "failure", reason=reason)
            await prepare(hands, entered, leg, "second-preparation")
            await release(hands, entered, leg, "second-release")
            await until_sent(hands, leg)
        await attest(hands, entered, leg)


async def attest(hands: Hands, entered: Entered, leg: Leg) -> None:
    """Say that a payment settled, as the account shows it."""
    await move(hands, entered, leg, entered.one_of("settler"), "completion", "completion")


async def until_sent(hands: Hands, leg: Leg) -> None:
    """Wait until the messages that order the payment have left."""

    async def look() -> bool | None:
        shown = await hands.get("settler", f"/api/settlements/{leg.id}")
        return all(payment["state"] in GONE for payment in shown["payments"]) or None

    await until(look, f"the message that orders {leg.id} leaves")


async def move(
    hands: Hands, entered: Entered, leg: Leg, account: str, path: str, what: str, **more: str
) -> None:
    """Do one act on a payment and remember its new version."""
    answer = await hands.act(
        account,
        f"/api/settlements/{leg.id}/{path}",
        {"version": leg.version, **more},
        f"{entered.key}-{leg.leg}-{what}",
    )
    leg.version = answer["version"]
