"""The controls around dealing, shown on the last trading day: what is checked by people who do not trade."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from service.demo import offices
from service.demo.hands import BrokenPromise, Hands, until
from service.demo.offices import Entered
from service.demo.plan import REFERENCE_PERCENT, Deal, Story
from service.kernel.money import plain

RISK, OTHER_RISK, BOARD = "risk-controller", "other-risk-controller", "board-back"
TRADER = "trader"
DOCUMENT = "5f" * 32  # the digest of the customer's letter
ALERTS = frozenset({Story.OFF_MARKET, Story.UNJUSTIFIED, Story.INVERTED})
OFF_MARKET, PURPOSE = "off_market", "hedge"


async def fix_money_market(hands: Hands, day: date) -> None:
    """Enter the day's money-market references: proposed by one person of risk control, set by another."""
    for currency, percent in REFERENCE_PERCENT.items():
        body = {
            "benchmark": "reference_rate",
            "currency": currency,
            "day": day.isoformat(),
            "rate_percent": percent,
            "source": "reference page of the money market association",
        }
        key = f"reference-{currency}-{day}"
        proposed = await hands.act(RISK, "/api/benchmarks", body, f"{key}-proposal")
        seen = {"version": proposed["version"]}
        await hands.act(OTHER_RISK, f"/api/benchmarks/{proposed['id']}/approval", seen, f"{key}-approval")


async def before_verification(hands: Hands, entered: Entered) -> None:
    """Do what stands between a deal's capture and its verification; some deals never get there."""
    market = entered.captured["checks"]["market"]
    if (market["result"] == "alert") is not (entered.deal.story in ALERTS):
        raise BrokenPromise(f"{entered.key}: the check against the market says {market}")
    if market["result"] == "alert":
        await must_refuse(hands, entered)
        notice = {"version": entered.version}
        await hands.act(BOARD, f"/api/trades/{entered.id}/notice", notice, f"{entered.key}-notice")
    match entered.deal.story:
        case Story.INVERTED:
            if not market["inverted"]:
                raise BrokenPromise(f"{entered.key}: nobody saw that it is quoted upside down")
            await offices.send_back(hands, entered, "the rate is quoted upside down", entered.key)
            await offices.resubmit(hands, entered)
        case Story.UNJUSTIFIED:
            reason = "dealt off the market by mistake; the counterparty agrees to cancel"
            request = await offices.ask_to_cancel(hands, entered, reason, entered.key)
            await offices.decide(hands, entered, request, approve=True, key=entered.key)
        case Story.OFF_MARKET:
            await justify(hands, entered, "customer_wish", document_sha256=DOCUMENT)
        case Story.OFF_PREMISES:
            seen = {"version": entered.version}
            path = f"/api/trades/{entered.id}/premises-acknowledgement"
            await hands.act(entered.verifier, path, seen, f"{entered.key}-acknowledgement")
        case _ if market["result"] == "no_reference":
            await justify(hands, entered, "no_reference_assessed")


async def must_refuse(hands: Hands, entered: Entered) -> None:
    """See that a deal off the market is not verified before risk control has spoken."""
    path, key = f"/api/trades/{entered.id}/verification", f"{entered.key}-too-early"
    answer = await hands.attempt(entered.verifier, path, entered.seen(), key)
    if answer.allowed or answer.body["code"] != OFF_MARKET:
        raise BrokenPromise(f"{entered.key} was verified off the market: {answer.status} {answer.body}")


async def justify(hands: Hands, entered: Entered, ground: str, **more: str) -> None:
    """Have risk control say why the deal may stand."""
    body = {"ground": ground, "reason": "looked into, documented and found in order", **more}
    path = f"/api/trades/{entered.id}/justification"
    await hands.act(RISK, path, entered.seen() | body, f"{entered.key}-justification")


async def amend(hands: Hands, entered: Entered) -> None:
    """Change a verified deal: asked for by trading, approved outside it, verified and confirmed anew."""
    if entered.deal.story is not Story.AMENDED:
        return

    async def posted() -> Any:
        found = await hands.get("accountant", "/api/journals", trade=entered.id)
        return found["items"] or None

    await until(posted, f"{entered.key} is booked on its trade date")
    terms = {**entered.deal.terms, "counterparty": entered.deal.counterparty}
    body = entered.seen() | terms | {"reason": "the counterparty's ticket says another amount"}
    path = f"/api/trades/{entered.id}/amendments"
    request = await hands.act(entered.deal.dealer.account, path, body, f"{entered.key}-amendment")
    if not request["material"] or not request["impact"]["postings"]:
        raise BrokenPromise(f"{entered.key}: the impact of the amendment is {request['impact']}")
    await offices.decide(hands, entered, request, approve=True, key=entered.key)
    entered.cancelled = False
    entered.version += 1

    async def look() -> Mapping[str, Any] | None:
        shown = await hands.get(entered.verifier, f"/api/trades/{entered.id}")
        return shown if shown["version"] == entered.version else None

    await until(look, f"the amendment of {entered.key} takes effect")
    path = f"/api/trades/{entered.id}/verification"
    await hands.act(entered.verifier, path, entered.seen(), f"{entered.key}-second-verification")
    await offices.find_confirmation(hands, entered)


async def pass_a_limit(hands: Hands, counterparty: str, terms: Mapping[str, str]) -> None:
    """Try to deal more than a limit has room for; risk control hears of it and closes the case."""
    found = (await hands.get("credit-officer", "/api/limits", scope="counterparty"))["items"]
    largest = max(Decimal(limit["amount_eur"]) for limit in found)
    body = {**terms, "counterparty": counterparty, "base_amount": plain(largest + 1)}
    answer = await hands.attempt(TRADER, "/api/trades", body, "control-excess")
    if answer.allowed or answer.body["code"] != "limit_exceeded" or "room for" not in answer.body["detail"]:
        raise BrokenPromise(f"a deal beyond the limit: {answer.status} {answer.body}")
    work = (await hands.get(RISK, "/api/work"))["items"]
    reported = [item for item in work if item["kind"] == "excess"]
    limits = {item["subject"]["id"] for item in reported}
    for limit in sorted(limits):
        case = {
            "cause": "a deal was tried beyond the limit",
            "measure": "refused by the service; trader spoken to",
        }
        await hands.act(RISK, f"/api/limits/{limit}/excess", case, "control-excess-case")
        seen = {"version": next(one["version"] for one in found if one["id"] == limit)}
        await hands.act(BOARD, f"/api/limits/{limit}/notice", seen, "control-excess-notice")


async def move_cash(hands: Hands, entered: Entered) -> None:
    """Ask for cash for what a deal pays; the back office checks the need, and two of it sign."""
    flow = next(flow for flow in entered.deal.payments() if flow.amount < 0)
    amount = plain(-flow.amount)
    body = {
        "purpose": "own_accounts",
        "currency": flow.currency,
        "amount": amount,
        "from_account": f"NOSTRO{flow.currency}A",
        "to_account": f"NOSTRO{flow.currency}B",
        "value_date": flow.value_date.isoformat(),
        "reason": "cover for a payment",
        "breakdown": [{"trade": entered.id, "amount": amount}],
    }
    asked = await hands.act(TRADER, "/api/transfers", body, "control-transfer")
    path = f"/api/transfers/{asked['id']}"
    done = await hands.act(
        "settler", f"{path}/preparation", {"version": asked["version"]}, "control-transfer-need"
    )
    for signer in ("releaser", "other-releaser"):
        seen = {"version": done["version"]}
        done = await hands.act(signer, f"{path}/release", seen, f"control-transfer-{signer}")
    if done["state"] != "released":
        raise BrokenPromise(f"two signatures left the transfer {done['state']}")


async def deal_inside(hands: Hands, offered: Deal, accepted: Deal) -> tuple[Entered, Entered]:
    """Deal between two books: one trader offers, the owner of the other book accepts; the mirror is the service's."""
    body = {**offered.terms, "other_portfolio": accepted.dealer.portfolio, "purpose": PURPOSE}
    offer = await hands.act(offered.dealer.account, "/api/internal-deals", body, "control-internal-offer")
    first = Entered(offered, offer["id"], offer["deal_number"], offer["marks"], offer)
    too_early = await hands.attempt(
        first.verifier, f"/api/trades/{first.id}/verification", first.seen(), "control-internal-one-leg"
    )
    if too_early.allowed or too_early.body["code"] != "one_legged":
        raise BrokenPromise(f"one leg of an internal deal was verified: {too_early.body}")
    path = f"/api/internal-deals/{first.id}/acceptance"
    answer = await hands.act(accepted.dealer.account, path, first.seen(), "control-internal-acceptance")
    return first, Entered(accepted, answer["id"], answer["deal_number"], answer["marks"], answer)
