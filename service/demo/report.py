"""The table at the end: what the days came to, for people and as JSON; printed again at every later start."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.demo.checks import Findings, controls_exercised
from service.demo.days import House
from service.demo.trials import Trials

WIDTH_ON_PAPER = 120


def report_of(
    house: House, trials: Trials, findings: Findings, refusals: Mapping[str, int]
) -> dict[str, Any]:
    """Return everything that is worth telling, JSON-able."""
    assert findings.log is not None
    entered = [*house.entered.values(), *house.twins.values()]
    pairs = {(deal.terms["base"], deal.terms["quote"]) for deal in house.plan.deals if "base" in deal.terms}
    return {
        "days": [day.isoformat() for day in house.plan.trading_days],
        "deals": len(entered),
        "pairs": len(pairs),
        "states": dict(Counter(view["state"] for view in findings.views.values())),
        "stories": dict(Counter(deal.story.told for deal in house.plan.deals)),
        "marks": dict(Counter(mark for one in entered for mark in one.marks)),
        "controls": [list(row) for row in controls_exercised(house, trials)],
        "forbidden": [[one.who, one.what, one.way, one.expected, one.got] for one in trials.tried],
        "refusals": dict(refusals),
        "balance": findings.balances["proof"]["currencies"],
        "accounts": findings.balances["items"],
        "log": {
            "size": findings.log.size,
            "root": None if findings.log.root is None else findings.log.root.hex(),
        },
        "promises": promises_of(findings),
    }


def promises_of(findings: Findings) -> list[list[Any]]:
    """Return each promise with whether it is kept and what was found."""
    return [[promise.sentence, promise.kept, promise.found] for promise in findings.promises]


def kept(promises: Sequence[Sequence[Any]]) -> bool:
    """Tell whether every promise is kept."""
    return all(promise[1] for promise in promises)


def console() -> Console:
    """Return where tables go: plain text of a fixed width unless there is a terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH_ON_PAPER, highlight=False)


def show(report: Mapping[str, Any], out: Console) -> None:
    """Print the tables."""
    told = f"{report['deals']} deals in {report['pairs']} pairs on {', '.join(report['days']) or 'no day'}"
    out.print(Text(told, style="bold"))
    if not report["days"]:
        out.print("The last fixing at hand lies before the opening, so that nothing was dealt.")
    counts(out, "Deals by state", ("state", "deals"), report["states"].items())
    counts(out, "Deals by what happened to them", ("what", "deals"), report["stories"].items())
    counts(out, "Deals by mark", ("mark", "deals"), report["marks"].items())
    counts(out, "Controls exercised", ("control", "what it did", "times"), report["controls"])
    counts(
        out,
        f"Forbidden acts: {len(report['forbidden'])} tried",
        ("who", "tried", "way", "expected", "got"),
        report["forbidden"],
    )
    counts(out, "Refusals in the log, by rule", ("rule", "times"), report["refusals"].items())
    counts(
        out,
        "Trial balance",
        ("account", "name", "currency", "debit", "credit", "balance", "in EUR"),
        [
            (a["account"], a["name"], a["currency"], a["debit"], a["credit"], a["balance"], a["eur_balance"])
            for a in report["accounts"]
        ],
    )
    show_promises(report["promises"], out)
    out.print(f"entries: {report['log']['size']}, root {report['log']['root']}", soft_wrap=True)


def show_promises(promises: Sequence[Sequence[Any]], out: Console, title: str = "Promises") -> None:
    """Print what was promised and whether it is so."""
    rows = [("kept" if held else "BROKEN", sentence, found) for sentence, held, found in promises]
    counts(out, title, ("", "promise", "found"), rows)


def counts(out: Console, title: str, columns: Sequence[str], rows: Any) -> None:
    """Print one table; figures to the right."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE, title_style="bold")
    lines = [[str(cell) for cell in row] for row in rows]
    for number, column in enumerate(columns):
        figures = bool(lines) and all(line[number].lstrip("-").replace(".", "").isdigit() for line in lines)
        table.add_column(column, justify="right" if figures else "left", overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    out.print(table)


def as_json(report: Mapping[str, Any]) -> str:
    """Return the report for programs."""
    return json.dumps(report, ensure_ascii=False, indent=1)
