"""A file of deals on the command line: read, entered or looked at, and told row by row."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from service import cli
from service.cli import Exit, Outcome
from service.gate import Gate
from service.importing.keys import keyed
from service.importing.outcomes import Lines, Objects, Sink, table_in
from service.importing.outcomes import Outcome as RowOutcome
from service.importing.reading import Format, read
from service.importing.rows import Defaults, UnreadableFile
from service.kernel.actor import Actor
from service.kernel.errors import Refusal
from service.kernel.problems import problem
from service.settings import Settings
from service.trades.importing import ImportEnded, enter, must_capture, preview


@dataclass(frozen=True, slots=True)
class Import:
    """What is typed: a file, what it does not say itself, and where to tell what became of its rows."""

    file: Path
    defaults: Defaults
    format: Format | None = None
    preview: bool = False
    report: Path | None = None
    json: bool = False


@dataclass(slots=True)
class Tally:
    """How many rows came to what."""

    rows: int = 0
    results: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0

    def count(self, outcomes: Sequence[RowOutcome]) -> None:
        """Add a set."""
        self.rows += len(outcomes)
        for one in outcomes:
            self.results[one.result] = self.results.get(one.result, 0) + 1
            if one.code is not None:
                self.codes[one.code] = self.codes.get(one.code, 0) + 1

    def told(self) -> dict[str, Any]:
        """Return the sum of it."""
        refused_as = {code: self.codes[code] for code in sorted(self.codes)}
        rate = {"rows per second": round(self.rows / self.seconds)} if self.seconds else {}
        return {
            "rows": self.rows,
            **self.results,
            **({"refused as": refused_as} if refused_as else {}),
            **rate,
        }


async def import_file(
    settings: Settings, server_url: str, account: str, password: str, wish: Import
) -> Outcome:
    """Enter the deals of a file, or look at them, with the account's own rights; rows are told as they happen."""
    return await cli.signed_in(
        settings, server_url, account, password, lambda gate, actor: import_rows(gate, actor, wish)
    )


async def import_rows(gate: Gate, actor: Actor, wish: Import) -> Outcome:
    """Read the file once to know that it can be read, then take its rows set by set."""
    tally, began = Tally(), time.monotonic()
    wrong: dict[str, Any] = {}
    code = Exit.OK
    try:
        await must_capture(gate, actor)
        total = sum(1 for _ in read(wish.file, wish.defaults, format=wish.format))
        with sink_of(wish) as sink, progress(total) as show:
            rows = keyed(read(wish.file, wish.defaults, format=wish.format))
            async for outcomes in (preview if wish.preview else enter)(gate, actor, rows):
                sink.take(outcomes)
                tally.count(outcomes)
                tally.seconds = time.monotonic() - began
                show(tally)
    except UnreadableFile as unreadable:
        where = {} if unreadable.line is None else {"line": unreadable.line}
        code, wrong = Exit.FAILED, {"wrong": unreadable.sentence, **where}
    except ImportEnded as ended:
        code, wrong = Exit.REFUSED, {"ended early": problem(ended.refusal)}
    except Refusal as refusal:
        return cli.refused(refusal)
    if code is Exit.OK and tally.results.get("refused"):
        code = Exit.REFUSED
    return Outcome(code, {**tally.told(), **wrong})


def sink_of(wish: Import) -> contextlib.AbstractContextManager[Sink]:
    """Give what the deals of a file are told to."""
    return sink_of_table(wish.file, wish.report, as_json=wish.json)


@contextlib.contextmanager
def sink_of_table(file: Path, report: Path | None, *, as_json: bool) -> Iterator[Sink]:
    """Give what the rows are told to: the report, else the terminal or one JSON array on it."""
    if report is not None:
        with table_in(report, file) as table:
            yield table
    elif as_json:
        yield Objects(sys.stdout)
    else:
        yield Lines(sys.stdout)


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[Tally], None]]:
    """Show on a terminal how far it is: rows done of all, and rows a second."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda tally: bar.update(
            task, completed=tally.rows, description=f"{tally.rows / max(tally.seconds, 1e-3):.0f} rows/s"
        )
