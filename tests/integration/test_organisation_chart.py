"""Who answers for what, worked out twice: in Python before an act and in the database at its commit."""

import asyncio
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from policies.policy import load
from policies.vocabulary import Office
from service.organisation.chart import (
    Chart,
    Homes,
    Line,
    answering,
    circle_of_people,
    circle_of_units,
    meetings,
)
from tests.conftest import Template

RULES = load().lines
CLASSES = [Office.FRONT_OFFICE, Office.BACK_OFFICE, Office.RISK_CONTROL, Office.LEGAL, Office.MANAGEMENT]
UNITS, PEOPLE = [UUID(int=n) for n in range(1, 7)], [UUID(int=n) for n in range(101, 107)]


@st.composite
def charts(draw: st.DrawFn) -> tuple[Chart, Homes]:
    """Up to six units in any order above one another, led by six people who belong anywhere."""
    units = UNITS[: draw(st.integers(2, 6))]
    people = st.sampled_from(PEOPLE)
    chart = {
        unit: Line(
            unit,
            draw(st.sampled_from(CLASSES)).value,
            draw(st.sampled_from([None, *(one for one in units if one != unit)])),
            draw(people),
            draw(people),
            draw(people),
        )
        for unit in units
    }
    return chart, {person: draw(st.sampled_from(units)) for person in PEOPLE}


@given(made=charts())
def test_whoever_answers_for_a_unit_answers_for_those_below_and_for_what_its_members_lead(
    made: tuple[Chart, Homes],
) -> None:
    chart, homes = made
    found = answering(chart, homes)
    for person, units in found.items():
        for unit in units:
            assert {line.unit for line in chart.values() if line.parent == unit} <= units
            if chart[unit].function_class != Office.MANAGEMENT:
                led = {
                    line.unit
                    for member, home in homes.items()
                    if home == unit and member != person
                    for line in chart.values()
                    if member in line.answering
                }
                assert led <= units


def test_SEG_01_a_meeting_names_the_control_the_person_and_both_units() -> None:
    boss, trader, clerk = PEOPLE[:3]
    desk, back = UNITS[:2]
    chart = {
        desk: Line(desk, "front_office", None, trader, trader, boss),
        back: Line(back, "back_office", None, clerk, clerk, boss),
    }
    (met,) = meetings(chart, {}, RULES)
    assert (met.control, met.person, met.left, met.right) == ("SEG-01", boss, desk, back)


def test_a_circle_of_units_and_one_of_people_are_found() -> None:
    first, second = UNITS[:2]
    one, other, board = PEOPLE[:3]
    round_units = {
        first: Line(first, "legal", second, one, one, board),
        second: Line(second, "legal", first, other, other, board),
    }
    assert circle_of_units(round_units) in (first, second)
    each_other = {
        first: Line(first, "legal", None, other, other, board),
        second: Line(second, "legal", None, one, one, board),
    }
    assert circle_of_people(each_other, {one: first, other: second}) in (one, other)
    assert circle_of_units(each_other) is None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=charts())
def test_SEG_01_the_database_finds_the_meetings_that_python_finds(
    template: Template, made: tuple[Chart, Homes]
) -> None:
    chart, homes = made
    found = {(one.control, one.person, rule_of(one.left, chart), rule_of(one.right, chart))
             for one in meetings(chart, homes, RULES)}  # fmt: skip

    assert asyncio.run(met_in_the_database(template.admin_url, chart, homes)) == found


def rule_of(unit: UUID, chart: Chart) -> str:
    return chart[unit].function_class


async def met_in_the_database(url: str, chart: Chart, homes: Homes) -> set[tuple[str, UUID, str, str]]:
    """Put the chart into the database past its guards, ask, and take everything back."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        await connection.exec_driver_sql("DELETE FROM reporting_line")
        for line in chart.values():
            await connection.exec_driver_sql(
                "INSERT INTO unit (id, rev, code, name, function_class) "
                f"VALUES ('{line.unit}', 1, '{line.unit}', '{line.unit}', '{line.function_class}')"
            )
            parent = "NULL" if line.parent is None else f"'{line.parent}'"
            await connection.exec_driver_sql(
                "INSERT INTO reporting_line (id, rev, unit_id, parent_id, functional_head_id, disciplinary_head_id, "
                f"board_member_id, valid_from) VALUES (gen_random_uuid(), 1, '{line.unit}', {parent}, "
                f"'{line.functional}', '{line.disciplinary}', '{line.board}', '2026-01-01')"
            )
        for person, unit in homes.items():
            await connection.exec_driver_sql(
                "INSERT INTO person (id, rev, name, unit_id, disabled) "
                f"VALUES ('{person}', 1, 'somebody', '{unit}', false)"
            )
        met = await connection.execute(text("SELECT * FROM public.organisation_conflicts('2026-02-01')"))
        found = {(row.control, row.person_id, row.left_class, row.right_class) for row in met}
        await connection.rollback()
    await engine.dispose()
    return found
