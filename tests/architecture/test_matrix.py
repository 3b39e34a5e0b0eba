"""Every route, command and job stands in the authorisation matrix; one without a row of the policy stops the start."""

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, get

from policies.policy import Policy, load
from policies.vocabulary import Action
from service import __main__ as command_line
from service import matrix
from service.app import every_route
from service.automatic import BY_POST, HANDLERS
from service.faces import Allows
from service.kernel.items import ROUTES
from service.matrix import Operates, Ungoverned, Use

SERVICE = Path(__file__).parents[2] / "service"
DONE_ALONE = {*HANDLERS, *BY_POST}


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load()


@pytest.fixture(scope="module")
def uses() -> list[Use]:
    return [*matrix.routes(every_route()), *matrix.commands(command_line.parser()), *matrix.jobs()]


def test_SEG_03_every_way_into_the_service_has_its_act_and_its_roles(uses: list[Use], policy: Policy) -> None:
    matrix.must_be_governed(uses, policy)

    written = list(matrix.lines(uses, policy))
    verifying = "route | POST /api/trades/{trade:uuid}/verification | trade.verify | "
    assert [line for line in written if line.startswith(verifying)] == [verifying + "verifier"]
    assert "command | export | evidence.export | compliance_officer, auditor, examiner" in written
    assert any(
        line.startswith("job | accounting: post_trade | journal.post | svc_accounting") for line in written
    )
    assert len({use.kind for use in uses}) == 3


def test_SEG_03_what_needs_no_act_is_little_and_says_why(uses: list[Use]) -> None:
    public = {use.name for use in uses if use.kind == "route" and not use.actions}
    assert public == {
        "GET /",
        "GET /api",
        "GET /api/inside/office",
        "GET /api/inside/silence",
        "GET /api/openapi.json",
        "GET /api/{path:str}",
        "GET /health/live",
        "GET /health/ready",
        "GET /sign-in",
        "GET /keys",
        "GET /static/{path:path}",
        "POST /api/inside/noise",
        "POST /api/sessions",
        "POST /demo-desk",
        "POST /keys",
        "POST /language",
        "POST /sign-in",
        "POST /sign-out",
        "POST /theme",
    }
    assert all(use.reason for use in uses if not use.actions)


# Planted violations -----------------------------------------------------------------------------------


@get("/back-door")
async def back_door() -> None:
    """Stand for nothing."""


@get("/nobodys", guards=[Allows(Action.TRADE_VERIFY)])
async def nobodys() -> None:
    """Stand for an act that nobody has."""


def without(policy: Policy, action: Action) -> Any:
    """Return the policy as if no role had the act."""

    class Poorer:
        roles = policy.roles
        powers_of = {role: powers - {action} for role, powers in policy.powers_of.items()}  # noqa: RUF012

    return Poorer()


def test_SEG_03_a_route_without_an_act_stops_the_start(policy: Policy) -> None:
    planted = matrix.routes(Litestar([back_door], openapi_config=None))
    with pytest.raises(Ungoverned, match="/back-door stands for no action"):
        matrix.must_be_governed(planted, policy)


def test_SEG_03_a_route_whose_act_the_policy_gives_to_nobody_stops_the_start(policy: Policy) -> None:
    planted = matrix.routes(Litestar([nobodys], openapi_config=None))
    with pytest.raises(Ungoverned, match=r"/nobodys stands for trade\.verify, which nobody may do"):
        matrix.must_be_governed(planted, without(policy, Action.TRADE_VERIFY))


def test_SEG_03_a_command_without_an_act_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def planted() -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser()
        words = parser.add_subparsers(required=True)
        words.add_parser("doctor").set_defaults(run=lambda _: 0, stands=Operates("looks on"))
        words.add_parser("release-everything").set_defaults(run=lambda _: 0)
        return parser

    monkeypatch.setattr(command_line, "parser", planted)
    assert command_line.main(["doctor"]) == 1
    assert "command release-everything stands for no action" in capsys.readouterr().err


def test_SEG_03_a_job_whose_act_no_service_account_holds_stops_the_start(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_people = {**matrix.BACKGROUND, "releases payments at night": (Action.SETTLEMENT_RELEASE,)}
    monkeypatch.setattr(matrix, "BACKGROUND", by_people)
    with pytest.raises(Ungoverned, match=r"releases payments at night stands for settlement\.release"):
        matrix.must_be_governed(matrix.jobs(), policy)


# Nothing runs beside it -------------------------------------------------------------------------------


def test_SEG_03_what_is_done_automatically_is_the_act_of_its_item() -> None:
    assert {use.name.partition(": ")[2] for use in matrix.jobs() if ": " in use.name} == {
        str(item) for item in DONE_ALONE
    }
    assert {str(item) for item, route in ROUTES.items() if route.automatic} == {
        str(item) for item in DONE_ALONE
    }


def test_SEG_03_nothing_runs_in_the_background_that_the_matrix_does_not_name() -> None:
    named = set(matrix.BACKGROUND)
    unknown = sorted(f"{place}: {name}" for place, name in started() if name not in named)
    assert unknown == [], "name the task, and put it into BACKGROUND of service/matrix.py with what it may do"


def started() -> Iterator[tuple[str, str]]:
    """Yield where a task of its own is started in the service, and its name without what differs."""
    for file in sorted(SERVICE.rglob("*.py")):
        if file.parent.name == "demo":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "create_task"
            ):
                given = next((one.value for one in node.keywords if one.arg == "name"), None)
                if file.name == "background.py" and given is not None and ast.unparse(given) == "self.called":
                    continue  # its heirs say what they are called
                yield str(file.relative_to(SERVICE)), name_of(given)
            elif isinstance(node, ast.ClassDef) and "Background" in map(ast.unparse, node.bases):
                yield str(file.relative_to(SERVICE)), name_of(called_in(node))


def called_in(heir: ast.ClassDef) -> ast.expr | None:
    said = (one for one in heir.body if isinstance(one, ast.Assign))
    return next((one.value for one in said if ast.unparse(one.targets[0]) == "called"), None)


def name_of(given: ast.expr | None) -> str:
    if isinstance(given, ast.Constant):
        return str(given.value)
    if isinstance(given, ast.JoinedStr):
        return "".join(
            str(one.value) if isinstance(one, ast.Constant) else "an office" for one in given.values
        )
    return "nameless"
