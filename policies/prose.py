"""The policy as text that people read: who may do what, what stays apart, how many a task takes (ORG-13).

Both languages say the same rows in the same order. What acts, roles and offices are called comes from
``words.json``; why a row is there is its own wording, translated where ``german.json`` holds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from policies.apart import ApartRule
from policies.changes import Change, Powers, Rule, Rules
from policies.policy import Policy
from policies.rights import SERVICE, STAFF, Right
from policies.separation import SeparationRule
from policies.tasks import Task
from policies.vocabulary import Action, Office

Language = Literal["en", "de"]

WORDS: Final = Path(__file__).parent / "words.json"
SENTENCES: Final = Path(__file__).parent / "german.json"

HEADINGS: Final[Mapping[Language, tuple[str, ...]]] = {
    "en": (
        "Access concept of policy",
        "What no row gives is refused. There are no forbidding rows and no exceptions in the text.",
        "What each role may do",
        "Everybody on the staff",
        "Done by the service itself",
        "What never meets in one person",
        "What nobody does twice over on the same matter",
        "How many people a task takes",
    ),
    "de": (
        "Berechtigungskonzept zum Regelwerk",
        "Was keine Zeile gibt, ist verweigert. Es gibt weder verbietende Zeilen noch Ausnahmen im Text.",
        "Was jede Rolle darf",
        "Alle Beschäftigten",
        "Vom Dienst selbst ausgeführt",
        "Was nie in einer Person zusammentrifft",
        "Was niemand am selben Vorgang doppelt tut",
        "Wie viele Menschen eine Aufgabe braucht",
    ),
}


@cache
def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _word(table: str, code: str, language: Language) -> str:
    found = _read(WORDS)[table].get(code)
    return code if found is None else str(found[language == "de"])


def act(action: Action, language: Language) -> str:
    """What an act is called, with its name in the policy."""
    named = _word("acts", action.value, language)
    return named if named == action.value else f"{named} ({action})"


def office(code: str, language: Language) -> str:
    """What an office is called."""
    return _word("offices", code, language)


def role(code: str, language: Language) -> str:
    """What a role is called, with its name in the policy; a service's role by its office."""
    if code.startswith(SERVICE):
        own = office(code.removeprefix(SERVICE), language)
        return f"{'Dienstkonto' if language == 'de' else 'Service account'} {own} ({code})"
    named = _word("roles", code, language)
    return named if named == code else f"{named} ({code})"


def reason(text: str, language: Language) -> str:
    """Why a row is there: in its own wording where no translation is kept."""
    return str(_read(SENTENCES).get(text, text)) if language == "de" else text


def rendered(policy: Policy, language: Language) -> Iterator[str]:
    """Lines of the access concept of one version."""
    title, absent, may, everybody, service, never, twice, people = HEADINGS[language]
    yield f"# {title} {policy.version}"
    yield from ("", absent, "", f"## {may}")
    yield from ("", f"### {everybody}", "")
    yield from (_right(right, language) for right in policy.rights if right.holder == STAFF)
    for one in Office:
        roles = [each for each in policy.roles if policy.offices[each] == one]
        if roles:
            yield from ("", f"### {office(one, language)}")
        for each in roles:
            yield from ("", f"#### {role(each, language)}", "")
            if each.startswith(SERVICE):
                yield from (f"{service}.", "")
            yield from (_right(right, language) for right in policy.rights if right.holder == each)
    yield from ("", f"## {never}", "")
    yield from (f"- {parted(rule, language)}" for rule in policy.separation)
    yield from ("", f"## {twice}", "")
    yield from (f"- {barring(rule, language)}" for rule in policy.apart)
    yield from ("", f"## {people}", "")
    yield from (f"- {taking(task, language)}" for task in policy.tasks)


def _right(right: Right, language: Language) -> str:
    """An act with its reason; in German without it where no translation is kept, since the act says what it is."""
    named = act(right.action, language)
    if language == "de" and right.reason not in _read(SENTENCES):
        return f"- {named}"
    return f"- {named}: {reason(right.reason, language)}"


def parted(rule: SeparationRule, language: Language) -> str:
    """A rule of separation as a sentence."""
    left, right, why = _side(rule.left, language), _side(rule.right, language), reason(rule.why, language)
    if language == "de":
        hard = (
            "ohne Ausnahme" if rule.severity == "H" else "Ausnahme nur befristet, mit Ausgleich und Beschluss"
        )
        return f"{rule.control}: {left} und {right} nie in einer Person ({hard}): {why}. {rule.source}"
    hard = (
        "no exception" if rule.severity == "H" else "an exception only for a time, compensated and resolved"
    )
    return f"{rule.control}: {left} and {right} never in one person ({hard}): {why}. {rule.source}"


def _side(side: str, language: Language) -> str:
    kind, _, name = side.rpartition(":")
    if kind == "office":
        return f"{'Bereich' if language == 'de' else 'office'} {office(name, language)}"
    return role(name, language) if kind == "role" else act(Action(side), language)


def barring(rule: ApartRule, language: Language) -> str:
    """A rule of history as a sentence."""
    done = ", ".join(act(one, language) for one in sorted(rule.differs))
    why = reason(rule.why, language)
    if language == "de":
        where = "zum selben Geschäft" if rule.scope == "trade" else "am selben Gegenstand"
        ever = "jemals" if rule.within_days is None else f"in den letzten {rule.within_days} Tagen"
        return (
            f"{rule.control}: {act(rule.action, language)} nicht durch eine Person, die {where} {ever} "
            f"eines davon getan hat: {done}. {why}. {rule.source}"
        )
    where = "same deal" if rule.scope == "trade" else "same object"
    ever = "ever" if rule.within_days is None else f"within the last {rule.within_days} days"
    return (
        f"{rule.control}: {act(rule.action, language)} not by a person who {ever} did one of these "
        f"on the {where}: {done}. {why}. {rule.source}"
    )


def taking(task: Task, language: Language) -> str:
    """A task with the number of people it takes."""
    acts = ", ".join(act(one, language) for one in task.acts)
    least = f"mindestens {task.people} Personen" if language == "de" else f"at least {task.people} people"
    return f"{task.task}: {reason(task.why, language)}: {least} ({acts}). {task.source}"


# A change ------------------------------------------------------------------------------------------


def changed(change: Change, people: Mapping[str, Powers], language: Language) -> Iterator[str]:
    """Every difference between two versions as a sentence; ``people``: what it does to each person."""
    german = language == "de"
    for name, (was, now) in change.offices.items():
        sides = [office(side, language) if side is not None else "–" for side in (was, now)]
        yield f"{role(name, language)}: {'Bereich' if german else 'office'} {sides[0]} → {sides[1]}"
    for name, powers in change.roles.items():
        yield from _gains(role(name, language), powers, language)
    for name, powers in people.items():
        yield from _gains(f"{'Person' if german else 'person'} {name}", powers, language)
    yield from _rules(change.separation, parted, language)
    yield from _rules(change.apart, barring, language)
    yield from _rules(change.tasks, taking, language)
    if change.worded:
        yield (
            f"{change.worded} Begründungen lauten anders."
            if german
            else f"{change.worded} reasons are worded otherwise."
        )


def _rules(rules: Rules[Rule], say: Callable[[Rule, Language], str], language: Language) -> Iterator[str]:
    came, went = ("neu", "entfällt") if language == "de" else ("new", "gone")
    yield from (f"{came}: {say(rule, language)}" for rule in rules.came)
    yield from (f"{went}: {say(rule, language)}" for rule in rules.went)


def _gains(who: str, powers: Powers, language: Language) -> Iterator[str]:
    gains, loses = ("darf neu", "darf nicht mehr") if language == "de" else ("may now", "may no longer")
    yield from (f"{who} {gains}: {act(one, language)}" for one in powers.gained)
    yield from (f"{who} {loses}: {act(one, language)}" for one in powers.lost)
