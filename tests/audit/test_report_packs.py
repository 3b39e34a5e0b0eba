"""Packs of a report: the verifier holds the report against the entries it says it stands on."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from audit import pack
from audit.pack import Scope
from audit.report import Verdict
from tests.audit.logs import Log, caught
from tests.audit.packs import Deals, Packs, judged

NAME, ON = "holders", "2026-11-02T10:00:00.000000Z"
FACTS = [3, 4, 7]


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Packs:
    """Grounds, then five deals of four entries each."""
    folder = tmp_path_factory.mktemp("packs")
    story = Deals(folder / "policy")
    for number in range(5):
        story.life(f"t-{number}")
    return Packs(folder, story, Log(folder, story.lines))


def of_report(packs: Packs, told: object, held: Sequence[int] = FACTS) -> Path:
    """Return a pack of a report that tells this, with these entries."""

    def tell(folder: Path) -> None:
        (folder / pack.REPORT).write_bytes(pack.canonical(told))

    return packs.spoiled(packs.make(Scope("report", report=NAME, on=ON), held), tell)


def said(**other: object) -> dict[str, object]:
    return {"report": NAME, "on": ON, "columns": ["Account"], "rows": [["trader"]], "facts": FACTS} | other


def test_a_report_with_the_entries_it_stands_on_is_verified(packs: Packs) -> None:
    report = judged(of_report(packs, said()))
    assert report.verdict is Verdict.VERIFIED, report.lines()


def test_an_entry_that_the_report_does_not_name_has_no_place_beside_it(packs: Packs) -> None:
    assert caught(judged(of_report(packs, said(), [*FACTS, 8])), "V26", 8)


def test_an_entry_that_the_report_names_and_the_pack_lacks_leaves_it_incomplete(packs: Packs) -> None:
    report = judged(of_report(packs, said(), FACTS[:-1]))
    assert report.verdict is Verdict.INCOMPLETE, report.lines()


@pytest.mark.parametrize("other", [{"report": "able"}, {"on": "2026-11-01"}])
def test_another_report_than_the_manifest_names_is_found(packs: Packs, other: dict[str, object]) -> None:
    assert judged(of_report(packs, said(**other))).verdict is Verdict.TAMPERED


@pytest.mark.parametrize(
    "told", [None, [], 5, "report", {"report": NAME}, said(facts=5), said(facts=["3", True])]
)
def test_a_report_of_another_form_is_named_and_crashes_nothing(packs: Packs, told: object) -> None:
    assert judged(of_report(packs, told)).verdict is Verdict.TAMPERED


def test_a_pack_of_a_report_without_the_report_is_incomplete(packs: Packs) -> None:
    report = judged(packs.make(Scope("report", report=NAME, on=ON), FACTS))
    assert report.verdict is Verdict.INCOMPLETE, report.lines()
