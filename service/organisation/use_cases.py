"""Units and the lines above them: proposed by one person, decided by another, both outside trading."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import func, or_, select

from policies.vocabulary import Action, Office
from service.attempt import Attempt, Changed, Command, locked
from service.gate import use_case
from service.kernel.errors import NotPermitted, Refusal, Unprocessable
from service.kernel.identifiers import uuid7
from service.kernel.items import Item
from service.kernel.texts import PlainName, Reason
from service.organisation.chart import Line, circle_of_people, circle_of_units, meetings
from service.organisation.lifecycle import ORGANISATION, ProposalState
from service.organisation.model import OrganisationProposal, ReportingLine, Unit
from service.organisation.queries import (
    changes_from,
    chart_on,
    homes_of,
    owns_portfolio,
    person_by,
    proposal_view,
    today,
    unit_by,
)

Code = Annotated[str, msgspec.Meta(max_length=16, pattern=r"\A[A-Z][A-Z0-9]*(-[A-Z0-9]+)*\Z")]
Named = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
LINES_MAX = 100
HEADS = ("functional", "disciplinary", "board")


class LinesMeet(NotPermitted):
    """403. One manager or board member would answer for trading and for what controls it (SEG-01)."""

    rule = "SEG-01"


class LinesGoRound(Unprocessable):
    """422. A unit would stand above itself, or somebody would be their own superior."""

    rule = "SEG-01"


class UnknownPlace(Unprocessable):
    """422. There is no such unit, and nothing says what a new one would be."""


class UnknownHead(Unprocessable):
    """422. Nobody here goes by this id or account, or the person has left."""


class TakenUnit(Refusal):
    """409. A unit has this code or name already."""


class ClassForLife(Unprocessable):
    """422. A unit keeps its name and its function class; another function is another unit."""


class OwnsPortfolio(NotPermitted):
    """403. A unit that owns a portfolio is a unit of trading (SEG-07)."""

    rule = "SEG-07"


class NamedTwice(Unprocessable):
    """422. The proposal names a unit twice."""


class BeginsInPast(Unprocessable):
    """422. What was is not changed: lines begin today or later."""


class OwnLine(NotPermitted):
    """403. Nobody decides about a line of their own."""


class UnitLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit (id, code or name; a new one by code, with name and class) and who answers for it from then on.

    Heads and the board member are named by the id of the person or by an account of theirs.
    """

    unit: Named
    name: PlainName | None = None
    function_class: Office | None = None
    parent: Named | None = None
    functional_head: Named
    disciplinary_head: Named
    board_member: Named


class ProposeOrganisation(Command, frozen=True, kw_only=True):
    """New units and lines, all from one day on."""

    valid_from: date
    lines: Annotated[list[UnitLine], msgspec.Meta(min_length=1, max_length=LINES_MAX)]
    reason: Reason


class ApproveOrganisation(Command, frozen=True, kw_only=True):
    """Another person puts the proposal in force."""

    proposal: UUID
    version: int


class RefuseOrganisation(Command, frozen=True, kw_only=True):
    """Another person turns the proposal down."""

    proposal: UUID
    version: int
    reason: Reason


@use_case(Action.ORGANISATION_PROPOSE)
async def propose_organisation(attempt: Attempt, command: ProposeOrganisation) -> Changed:
    """Ask for a change of the organisation that would keep trading apart on every day from then on."""
    if command.valid_from < today(attempt.now):
        raise BeginsInPast("Lines begin today or later.", field="valid_from")
    lines = await resolved(attempt, command.lines)
    await must_stay_apart(attempt, lines, command.valid_from)
    proposal = attempt.add(
        OrganisationProposal(
            id=uuid7(),
            valid_from=command.valid_from,
            lines=lines,
            reason=command.reason,
            proposed_by=attempt.actor.account,
            state=ProposalState.PROPOSED.value,
        )
    )
    attempt.open_item(Item.DECIDE_ORGANISATION, proposal, reason=command.reason)
    return Changed(proposal_view(proposal) | {"version": 1}, 201)


@use_case(Action.ORGANISATION_APPROVE)
async def approve_organisation(attempt: Attempt, command: ApproveOrganisation) -> Changed:
    """Put units and lines in force: from the day proposed, or from today if that has passed."""
    proposal = await decided(attempt, command.proposal, command.version)
    begins = max(proposal.valid_from, today(attempt.now))
    people = {str(line[head]) for line in proposal.lines for head in HEADS}
    if str(attempt.actor.person) in people:
        raise OwnLine("Nobody decides about a line that leads to themselves.")
    if None in [await person_by(attempt.session, person) for person in sorted(people)]:
        raise UnknownHead("Somebody this names has left meanwhile; propose it anew.")
    await must_stay_apart(attempt, proposal.lines, begins)
    for line in proposal.lines:
        if line.get("new"):
            if await same_name(attempt, line["code"], line["name"]):
                raise TakenUnit(f"There is a unit {line['code']} or {line['name']} meanwhile.")
            attempt.add(
                Unit(
                    id=UUID(line["unit"]), code=line["code"], name=line["name"], function_class=line["class"]
                )
            )
        attempt.add(reporting_line(line, begins, proposal.id))
    attempt.change(proposal, state=ProposalState.APPROVED.value)
    attempt.open_item(Item.CHECK_RIGHTS, proposal)
    attempt.note(valid_from=begins)
    return Changed(
        proposal_view(proposal) | {"version": command.version + 1, "in_force_from": begins.isoformat()}
    )


@use_case(Action.ORGANISATION_REFUSE)
async def refuse_organisation(attempt: Attempt, command: RefuseOrganisation) -> Changed:
    """Turn the proposal down; whoever made it may not (D-02)."""
    proposal = await decided(attempt, command.proposal, command.version)
    attempt.change(proposal, state=ProposalState.REFUSED.value, answer=command.reason)
    return Changed(proposal_view(proposal) | {"version": command.version + 1})


async def decided(attempt: Attempt, proposal_id: UUID, version: int) -> OrganisationProposal:
    """Return the locked proposal that the acting person may decide, its item closed."""
    proposal = await locked(attempt, OrganisationProposal, proposal_id, seen=version, what="proposal")
    await attempt.admit(related=[(OrganisationProposal.__tablename__, proposal.id)])
    ORGANISATION.after(ProposalState(proposal.state), attempt.action)
    attempt.close_item(Item.DECIDE_ORGANISATION, proposal.id)
    return proposal


async def resolved(attempt: Attempt, lines: Iterable[UnitLine]) -> list[dict[str, Any]]:
    """Return the lines with every unit and person by id; units that are new get theirs here."""
    found: list[dict[str, Any]] = []
    new: dict[str, str] = {}
    for number, line in enumerate(lines):
        unit = await unit_of(attempt, line, f"lines[{number}]")
        if any(unit["unit"] == one["unit"] or unit["code"] == one["code"] for one in found):
            raise NamedTwice(f"{line.unit} is named twice.", field=f"lines[{number}].unit")
        new |= {unit["code"]: unit["unit"], unit["name"]: unit["unit"]}
        people = {
            "functional": line.functional_head,
            "disciplinary": line.disciplinary_head,
            "board": line.board_member,
        }
        for kind, named in people.items():
            person = await person_by(attempt.session, named)
            if person is None:
                raise UnknownHead(f"Nobody here goes by {named}.", field=f"lines[{number}]")
            unit[kind] = str(person)
        found.append(unit | {"parent_named": line.parent})
    for number, one in enumerate(found):
        named = one.pop("parent_named")
        if named is not None:
            above = new.get(named) or await unit_id(attempt, named)
            if above is None:
                raise UnknownPlace(f"There is no unit {named}.", field=f"lines[{number}].parent")
            one["parent"] = above
    return found


async def unit_of(attempt: Attempt, line: UnitLine, where: str) -> dict[str, Any]:
    """Return the unit that a line is about, known or new. Raises what keeps it from being that."""
    unit = await unit_by(attempt.session, line.unit)
    if unit is not None:
        if line.function_class is not None and line.function_class != unit.function_class:
            if await owns_portfolio(attempt.session, unit.id):
                raise OwnsPortfolio(
                    f"{unit.name} owns a portfolio; that makes it a unit of trading.", field=where
                )
            raise ClassForLife(f"{unit.name} stays a unit of {unit.function_class}.", field=where)
        if line.name is not None and line.name != unit.name:
            raise ClassForLife(f"{unit.name} keeps its name.", field=where)
        return {"unit": str(unit.id), "code": unit.code, "name": unit.name, "class": unit.function_class}
    if line.name is None or line.function_class is None:
        raise UnknownPlace(f"There is no unit {line.unit}; a new one has a name and a class.", field=where)
    try:
        code = msgspec.convert(line.unit, Code)
    except msgspec.ValidationError:
        raise UnknownPlace(
            "A new unit is known by a code of capitals and digits, such as BO-2.", field=where
        ) from None
    if await same_name(attempt, code, line.name):
        raise TakenUnit(f"There is a unit {code} or {line.name} already.", field=where)
    facts = {"unit": str(uuid7()), "code": code, "name": line.name, "class": line.function_class.value}
    return facts | {"new": True}


async def same_name(attempt: Attempt, code: str, name: str) -> bool:
    """Tell whether a unit has this code or, however it is spelt, this name."""
    taken = select(Unit.id).where(or_(Unit.code == code, func.lower(Unit.name) == name.lower()))
    return await attempt.session.scalar(taken.limit(1)) is not None


async def unit_id(attempt: Attempt, named: str) -> str | None:
    """Return the id of a known unit."""
    unit = await unit_by(attempt.session, named)
    return None if unit is None else str(unit.id)


def reporting_line(line: Mapping[str, Any], begins: date, proposal: UUID) -> ReportingLine:
    """Return the row of a line as proposed."""
    return ReportingLine(
        id=uuid7(),
        unit_id=UUID(line["unit"]),
        parent_id=UUID(line["parent"]) if line.get("parent") else None,
        functional_head_id=UUID(line["functional"]),
        disciplinary_head_id=UUID(line["disciplinary"]),
        board_member_id=UUID(line["board"]),
        valid_from=begins,
        proposal_id=proposal,
    )


async def must_stay_apart(attempt: Attempt, lines: Iterable[Mapping[str, Any]], begins: date) -> None:
    """Hold the organisation with these lines against lines.csv, on the day they begin and on every later one.

    Raises LinesMeet or LinesGoRound.
    """
    planned = {UUID(line["unit"]): planned_line(line) for line in lines}
    for day in [begins, *await changes_from(attempt.session, begins)]:
        chart = await chart_on(attempt.session, day)
        # A line that was decided for a later day stands on that day, whatever is planned for an earlier one.
        later = await chart_since(attempt, begins, day)
        chart |= {unit: line for unit, line in planned.items() if unit not in later}
        unknown = [line for line in chart.values() if line.parent is not None and line.parent not in chart]
        if unknown:
            raise UnknownPlace("The unit above has no line of its own on that day.", field="lines")
        homes = await homes_of(attempt.session, chart)
        if circle_of_units(chart) is not None:
            raise LinesGoRound("A unit would stand above itself.", field="lines")
        if circle_of_people(chart, homes) is not None:
            raise LinesGoRound("Somebody would be their own superior.", field="lines")
        if found := meetings(chart, homes, attempt.policy.lines):
            first = found[0]
            names = await names_of(attempt, lines, (first.left, first.right))
            raise LinesMeet(
                f"From {day} on one person would answer for {names[0]} and for {names[1]}: {first.why}.",
                rule=first.control,
                field="lines",
                facts={"person": str(first.person)},
            )


async def chart_since(attempt: Attempt, begins: date, day: date) -> set[UUID]:
    """Return the units whose line of ``day`` began after ``begins``."""
    if day == begins:
        return set()
    later = select(ReportingLine.unit_id).where(
        ReportingLine.valid_from > begins, ReportingLine.valid_from <= day
    )
    return set(await attempt.session.scalars(later))


def planned_line(line: Mapping[str, Any]) -> Line:
    """Return a line as the chart takes it."""
    return Line(
        UUID(line["unit"]),
        line["class"],
        UUID(line["parent"]) if line.get("parent") else None,
        UUID(line["functional"]),
        UUID(line["disciplinary"]),
        UUID(line["board"]),
    )


async def names_of(
    attempt: Attempt, lines: Iterable[Mapping[str, Any]], wanted: tuple[UUID, UUID]
) -> list[str]:
    """Return what units are called, new ones included."""
    names = {UUID(line["unit"]): str(line["name"]) for line in lines}
    known = await attempt.session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(wanted)))
    names |= {row.id: row.name for row in known}
    return [names[unit] for unit in wanted]
