"""Entries as sentences for people, in both languages, from the entry alone."""

from typing import Any

import pytest

from policies.vocabulary import Action, Office
from service.compliance.rendering import PHRASES, actor, sentence


def entry(act: str, outcome: str = "allow", **more: Any) -> dict[str, Any]:
    return {
        "act": act,
        "actor": {"account": "a-1", "office": "back_office", "person": "p-1", "roles": ["verifier"]},
        "decision": {"outcome": outcome, "rules": ["P-17", "D-01"]},
        "links": {"trade": "t-1"},
    } | more


@pytest.mark.parametrize("action", Action)
def test_every_act_has_its_words_in_both_languages(action: Action) -> None:
    told = entry(action.value, data={"reason": "because"})

    assert all(PHRASES[action])
    assert sentence(told, "en").endswith(
        f"{PHRASES[action][0]} (deal t-1; reason: because). Allowed by P-17, D-01."
    )
    assert sentence(told, "de").endswith(
        f"{PHRASES[action][1]} (Geschäft t-1; Grund: because). Erlaubt durch P-17, D-01."
    )


def test_who_acted_is_told_by_office_role_and_identifier() -> None:
    told = entry("trade.verify")

    assert (
        sentence(told, "en")
        == "Back office (Verifier; person p-1) verified the deal (deal t-1). Allowed by P-17, D-01."
    )
    assert sentence(told, "de").startswith(
        "Abwicklung (Geschäftskontrolle; Person p-1) hat das Geschäft kontrolliert"
    )
    for office in Office:
        assert actor(told["actor"] | {"office": office.value}, "de")


def test_a_refusal_says_what_was_tried_and_why_not() -> None:
    told = entry("trade.verify", "refuse", data={"code": "kept_apart"})

    assert sentence(told, "en").endswith(
        "was refused “Verify deal” (deal t-1; because: kept_apart). Refused by P-17, D-01."
    )
    assert sentence(told, "de").endswith(
        "wurde „Geschäft kontrollieren“ verweigert (Geschäft t-1; weil: kept_apart). Verweigert durch P-17, D-01."
    )


def test_without_a_deal_the_first_object_is_named_and_the_others_are_counted() -> None:
    effects = [{"kind": "role_grant", "id": "g-1", "rev": 2}, {"kind": "account", "id": "a-2", "rev": 1}]
    told = entry("grant.execute", links={}, eff=effects)

    assert "(role_grant g-1, revision 2 and 1 more)" in sentence(told, "en")
    assert "(role_grant g-1, Stand 2 und 1 weitere)" in sentence(told, "de")


def test_somebody_who_did_not_sign_in_is_not_called_a_person() -> None:
    told = actor({"account": "anonymous:a-1", "office": "back_office", "person": "p-1", "roles": []}, "en")

    assert told == "Back office (somebody not signed in (a-1))"


def test_an_act_of_another_release_goes_by_its_own_name() -> None:
    assert "did weather.forecast" in sentence(entry("weather.forecast"), "en")
    assert "weather.forecast" in sentence(entry("weather.forecast", "refuse"), "de")
