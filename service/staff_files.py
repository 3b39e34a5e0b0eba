"""A file of joiners, movers and leavers on the command line: read row by row, each reported through the gate."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies.vocabulary import Action
from service import cli
from service.cli import Exit, Outcome
from service.deal_files import Tally, sink_of_table
from service.gate import Gate
from service.importing.outcomes import Outcome as RowOutcome
from service.importing.outcomes import Result
from service.importing.rows import UnreadableFile
from service.importing.tables import Record, Table, read_table
from service.kernel.actor import Actor
from service.kernel.errors import Malformed, NotPermitted, NotSignedIn, Refusal, StalePolicy
from service.page_forms import decoded
from service.people.staffing import RecordStaffEvent, record_staff_event
from service.settings import Settings

COLUMNS: Final = ("staff_number", "event", "effective_on", "unit", "name")
BYTES_MAX: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class StaffFile:
    """What is typed: the file, and where to tell what became of its rows."""

    file: Path
    report: Path | None = None
    json: bool = False


async def report_staff(
    settings: Settings, server_url: str, account: str, password: str, wish: StaffFile
) -> Outcome:
    """Report the events of a file with the account's own rights; a rerun reports nothing twice."""
    return await cli.signed_in(
        settings, server_url, account, password, lambda gate, actor: report_rows(gate, actor, wish)
    )


async def report_rows(gate: Gate, actor: Actor, wish: StaffFile) -> Outcome:
    """Read the file once to know that it can be read, then report its rows in their order."""
    tally, wrong, code = Tally(), {}, Exit.OK
    try:
        must_report(gate, actor)
        sum(1 for _ in read(wish.file))
        with sink_of_table(wish.file, wish.report, as_json=wish.json) as sink:
            async for outcome in reported(gate, actor, read(wish.file)):
                sink.take([outcome])
                tally.count([outcome])
    except UnreadableFile as unreadable:
        where = {} if unreadable.line is None else {"line": unreadable.line}
        code, wrong = Exit.FAILED, {"wrong": unreadable.sentence, **where}
    except Refusal as refusal:
        if refusal.decision is None:
            await gate.refuse(actor, Action.STAFF_EVENT_RECORD, refusal)
        return cli.refused(refusal)
    if code is Exit.OK and tally.results.get("refused"):
        code = Exit.REFUSED
    return Outcome(code, {**tally.told(), **wrong})


def must_report(gate: Gate, actor: Actor) -> None:
    """Raise NotPermitted before a row is read, if the account reports no events at all."""
    decision = gate.policy.decide(actor.roles, Action.STAFF_EVENT_RECORD)
    if not decision.allowed:
        raise NotPermitted(decision.reason, rule=decision.rule)


def read(file: Path) -> Iterator[Record]:
    """Yield the rows of a file, one at a time. Raises UnreadableFile."""
    try:
        if file.stat().st_size > BYTES_MAX:
            raise UnreadableFile(f"The file has more than {BYTES_MAX:,} bytes; part it.")
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            table = read_table(stream)
            must_have_columns(table)
            yield from table.records(short_rows=True)
    except OSError as failure:
        raise UnreadableFile(f"The file cannot be read: {failure.strerror}.") from failure


def must_have_columns(table: Table) -> None:
    """Raise UnreadableFile unless the columns are those of staff events."""
    for column in table.columns:
        if column not in COLUMNS:
            sentence = f"There is no column {column!a} here; there are {', '.join(COLUMNS)}."
            raise UnreadableFile(sentence, field=column, line=1)
    for column in COLUMNS[:3]:
        if column not in table.columns:
            raise UnreadableFile(f"The column {column} is missing.", field=column, line=1)


async def reported(gate: Gate, actor: Actor, records: Iterator[Record]) -> AsyncIterator[RowOutcome]:
    """Report each row in a transaction of its own: a bad row leaves its neighbours alone."""
    for record in records:
        row = " ".join(filter(None, (record.cells.get("staff_number"), record.cells.get("event")))) or "row"
        try:
            if record.problem is not None:
                raise Malformed(record.problem, field="row")
            fields = {name: cell for name, cell in record.cells.items() if cell}
            command = decoded(RecordStaffEvent, fields)
            done = await gate.perform(actor, record_staff_event, command, key=key_of(fields))
        except (NotSignedIn, StalePolicy):
            raise  # no row's fault: the rest is reported when the file is taken again
        except Refusal as refusal:
            if refusal.decision is None:
                await gate.refuse(actor, Action.STAFF_EVENT_RECORD, refusal)
            yield RowOutcome(
                line=record.line,
                row=ascii(row)[1:-1][:80],
                result="refused",
                code=refusal.code,
                field=refusal.field,
                reason=str(refusal),
                decision=refusal.decision,
            )
        else:
            result: Result = "entered before" if done.replay else "entered"
            yield RowOutcome(line=record.line, row=row[:80], result=result, id=str(done.answer["id"]))


def key_of(fields: dict[str, Any]) -> str:
    """Return the key that makes the same row of any file the same request."""
    content = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    return "staff:" + hashlib.sha256(content.encode()).hexdigest()
