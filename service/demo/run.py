"""``trennwand run``: start everything, play the days, prove what came of them, serve."""

import contextlib
import math
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from policies.policy import load
from service import bank as banks
from service import running
from service.automatic import Workers
from service.bank import Bank
from service.cli import Exit
from service.demo import cast, keeping
from service.demo.access import token_for
from service.demo.checks import (
    Findings,
    check_balance,
    check_books,
    check_deals,
    check_log,
    check_queues,
    check_trials,
)
from service.demo.days import House, play
from service.demo.forbidden import interludes
from service.demo.hands import AnswerBook, Hands
from service.demo.keeping import Remembered
from service.demo.market import Market, open_market
from service.demo.master_data import leis
from service.demo.plan import CURRENCIES, DEALS, Plan, Story, make_plan
from service.demo.post import Folders
from service.demo.report import as_json, console, kept, promises_of, report_of, show, show_promises
from service.demo.trials import Trials
from service.settings import Settings

PAGE = 200


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for."""

    serve: bool = True
    port: int | None = None
    fresh: bool = False
    deals: int = DEALS
    json: bool = False


class NotADemo(RuntimeError):
    """Days are played in demo banks only."""


def run(settings: Settings, wishes: Wishes) -> int:
    """Run the demo bank; the exit code is 0 only if every promise held."""
    if not settings.demo:
        raise NotADemo(f"{settings.data} is a production bank: serve it with `trennwand serve`.")
    port = wishes.port if wishes.port is not None else (settings.port if wishes.serve else 0)
    with running.alone(settings.data):
        if wishes.fresh:
            if settings.database_url is not None:
                raise NotADemo(
                    "--fresh deletes the embedded database only; empty the one of DATABASE_URL yourself."
                )
            keeping.erase(settings.data)
        with (
            contextlib.closing(running.listening(settings.host, port)) as listener,
            banks.database_server(settings) as server_url,
        ):
            return running.run(open_and_play(settings, wishes, server_url, listener))


async def open_and_play(settings: Settings, wishes: Wishes, server_url: str, listener: socket.socket) -> int:
    """Open the bank, play what is not played yet, verify, tell, serve."""
    remembered = keeping.recall(settings)
    market = open_market(date.fromisoformat(remembered.opening) if remembered else settings.business_date)
    if remembered is None:
        remembered = Remembered(
            opening=market.opening.isoformat(),
            deals=wishes.deals,
            one_time_passwords=settings.demo_password is None,
        )
        keeping.remember(settings, remembered)
    policy = load()
    admin_url, urls = await banks.prepare(settings, server_url, policy)
    passwords = keeping.first_passwords(settings) if not settings.log_directory.exists() else {}
    await banks.found(settings, admin_url, policy, cast.founding(market.opening), passwords)
    async with (
        banks.running(settings, admin_url, urls, policy=policy) as bank,
        running.serving(bank, listener) as address,
        running.automatic_work(bank) as workers,
    ):
        held = await (
            play_and_tell(bank, workers, address, market, remembered, wishes)
            if remembered.report is None
            else verify_and_tell(bank, address, remembered, wishes)
        )
        if wishes.serve:
            print(f"open {address} in a browser and take a desk: one press signs you in on this machine")
            print(f"serving: {address}", flush=True)
            await running.until_stopped()
    return held


# --- the first start


async def play_and_tell(
    bank: Bank,
    workers: Workers,
    address: str,
    market: Market,
    remembered: Remembered,
    wishes: Wishes,
) -> Exit:
    """Play the days, hold every promise against what came of them, print and remember it."""
    plan = make_plan(market, leis(), remembered.deals)
    async with calling(bank, address) as hands:
        with progress(console(), plan, quiet=wishes.json) as advance:
            hands.on_act = advance
            report, findings = await play_and_check(
                bank, House(hands, market, plan, workers.drain, Folders.of(bank.settings))
            )
    tell(bank.settings, remembered, report, findings, wishes)
    if not kept(report["promises"]):
        return verdict(report["promises"])
    keeping.remember(bank.settings, msgspec.structs.replace(remembered, report=report))
    keeping.passwords_printed(bank.settings)
    return Exit.OK


async def play_and_check(bank: Bank, house: House) -> tuple[dict[str, Any], Findings]:
    """Play the days from the beginning or from where they were interrupted; return what they came to."""
    trials, findings = Trials(bank, house.hands), Findings()
    await play(house, interludes(trials))
    await check_deals(house, findings)
    await check_queues(house, findings)
    await check_books(house, findings)
    check_trials(trials, findings)
    await check_log(bank, findings, house.hands.answers.receipts())
    return report_of(house, trials, findings, await refusals_in_log(house.hands)), findings


@contextlib.asynccontextmanager
async def calling(bank: Bank, address: str) -> AsyncIterator[Hands]:
    """Give the callers of the public interface."""
    book = AnswerBook(keeping.answers_file(bank.settings))
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits, trust_env=False) as client:
        yield Hands(client, lambda account: token_for(bank, account), book)


async def refusals_in_log(hands: Hands) -> dict[str, int]:
    """Count the refusals by rule, as compliance finds them in the log."""
    counted: dict[str, int] = {}
    cursor: dict[str, str] = {}
    while True:
        page = await hands.get("compliance", "/api/entries", outcome="refuse", limit=PAGE, **cursor)
        for entry in page["items"]:
            for rule in entry["rules"]:
                counted[rule] = counted.get(rule, 0) + 1
        if page["next"] is None:
            return dict(sorted(counted.items()))
        cursor = {"cursor": page["next"]}


@contextlib.contextmanager
def progress(out: Console, plan: Plan, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Show how far the days are: a bar on a terminal, now and then a line elsewhere."""
    total = acts_planned(plan)
    if out.is_terminal and not quiet:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=out) as bar:
            task = bar.add_task("acts of all offices", total=total)
            yield lambda: bar.advance(task)
            bar.update(task, completed=total)
        return
    done = 0

    def line() -> None:
        nonlocal done
        done += 1
        if not quiet and done % math.ceil(total / 10) == 0:
            print(f"{done} of about {total} acts done", flush=True)

    yield line


def acts_planned(plan: Plan) -> int:
    """Return about how many acts the days take."""
    usual = 1 + 1 + 3 + 2 + 2 + 2 + 1  # capture, verify, confirm, prepare, release, complete, sign the papers
    more = {Story.RETURNED: 2, Story.DUPLICATE: 4, Story.CANCELLED: -7, Story.MISMATCHED: 2, Story.FAILING: 3}
    master_data = len(leis()) * (11 + 4 * len(CURRENCIES))  # a payment route takes four acts
    around = 180  # the desks' clock, references, limits, deputies, leave, the policy
    return master_data + around + sum(usual + more.get(deal.story, 0) for deal in plan.deals)


# --- every later start


async def verify_and_tell(bank: Bank, address: str, remembered: Remembered, wishes: Wishes) -> Exit:
    """Verify books and log as they are now; print what the finished day came to."""
    assert remembered.report is not None
    findings = Findings()
    async with calling(bank, address) as hands:
        await check_balance(hands, findings)
        await check_log(bank, findings, hands.answers.receipts())
    tell(bank.settings, remembered, remembered.report, findings, wishes)
    return verdict(promises_of(findings))


# --- what is printed


def tell(
    settings: Settings, remembered: Remembered, report: dict[str, Any], findings: Findings, wishes: Wishes
) -> None:
    """Print what the days came to, the promises as found now, the verdict on the log, where it lies, who may sign in."""
    assert findings.log is not None
    promises = promises_of(findings)
    where = {
        "audit": findings.log.line(),
        "log": str(settings.log_directory.absolute()),
        "key": str(settings.public_key_file.absolute()),
    }
    if wishes.json:
        passwords = keeping.passwords_to_print(settings)
        print(
            as_json({**report, "promises": promises, **where, "accounts": accounts(), "passwords": passwords})
        )
        return
    out = console()
    show(report, out)
    if promises != report["promises"]:
        show_promises(promises, out, "Promises, held against the bank again")
    for name, value in where.items():
        print(f"{name}: {value}")
    tell_accounts(settings, remembered)


def tell_accounts(settings: Settings, remembered: Remembered) -> None:
    """Print the accounts; one-time passwords are printed once."""
    waiting = keeping.passwords_to_print(settings)
    width = max(map(len, accounts()))
    if waiting:
        print("accounts, each with a password that is good for choosing a new one:")
        for account in accounts():
            print(f"  {account:<{width}}  {waiting[account]}")
        return
    told = "the first start printed" if remembered.one_time_passwords else "TRENNWAND_DEMO_PASSWORD gave"
    print(f"accounts, with the passwords that {told}: {', '.join(accounts())}")


def accounts() -> list[str]:
    """Return the accounts people can sign in to; the mover's first one has lost its right."""
    return [account for account in cast.people() if account != cast.MOVER_TRADING]


def verdict(promises: list[list[Any]]) -> Exit:
    """Return the exit code that the promises come to."""
    if kept(promises):
        return Exit.OK
    broken = [sentence for sentence, held, _ in promises if not held]
    integrity = any("log" in sentence or "debits" in sentence for sentence in broken)
    return Exit.INTEGRITY if integrity else Exit.FAILED
