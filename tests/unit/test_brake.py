"""Which acts wait while the log is silent, and how long it may be."""

import pytest

from policies.vocabulary import READS, Action
from service.brake import HIGH_RISK, Silence, held

LIMIT = 900.0


@pytest.mark.parametrize("action", sorted(HIGH_RISK))
def test_an_act_of_high_risk_waits_for_a_log_that_nobody_can_prove(action: Action) -> None:
    for silence in (Silence(unsigned_seconds=901), Silence(unwitnessed_seconds=901)):
        refusal = held(action, silence, LIMIT, service=False)
        assert refusal is not None
        assert (refusal.status, refusal.code, refusal.rule) == (503, "log_silent", "log")
        assert "901 seconds" in str(refusal)


@pytest.mark.parametrize("action", sorted(HIGH_RISK))
def test_until_then_work_goes_on(action: Action) -> None:
    for silence in (Silence(), Silence(900, 900)):
        assert held(action, silence, LIMIT, service=False) is None


@pytest.mark.parametrize("action", sorted(set(Action) - set(HIGH_RISK) - READS))
def test_every_other_act_goes_on(action: Action) -> None:
    assert held(action, Silence(100_000, 100_000), LIMIT, service=False) is None


def test_what_follows_automatically_goes_on() -> None:
    assert held(Action.JOURNAL_POST, Silence(100_000, 100_000), LIMIT, service=True) is None


@pytest.mark.parametrize("service", [True, False])
@pytest.mark.parametrize("action", sorted(Action))
def test_nothing_is_written_on_a_log_that_contradicts_itself(action: Action, service: bool) -> None:  # noqa: FBT001
    refusal = held(action, Silence(contradiction="the database is an older one"), LIMIT, service=service)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (503, "log_silent")


@pytest.mark.parametrize(
    ("silence", "status"),
    [
        (Silence(), "ready"),
        (Silence(unsigned_seconds=9.9), "ready"),
        (Silence(unsigned_seconds=10), "late"),
        (Silence(unsigned_seconds=60), "critical"),
        (Silence(unwitnessed_seconds=1), "late"),
        (Silence(contradiction="fork"), "stopped"),
    ],
)
def test_readiness_tells_how_the_log_stands(silence: Silence, status: str) -> None:
    assert silence.status == status
