"""A change of the policy on the plain pages: read in words, approved by two, in both languages."""

from tests.bank import World
from tests.drafts import GOOD, drafted
from tests.visiting import signed_in


async def test_S_15_D_15_two_approve_on_the_page_what_they_read_there_in_words(bank_world: World) -> None:
    answer = await drafted(bank_world, GOOD)
    place = f"/policy/drafts/{answer.json()['id']}"
    approver = await signed_in(bank_world, "policy-approver")
    assert place in (await approver.get("/work")).links
    assert place in (await approver.get("/policy")).links
    page = await approver.get(place)
    for said in (
        "○ drafted",
        "Verifier (verifier) may now: Read balances (balance.read)",
        "person other-verifier may now: Read balances (balance.read)",
        "✓ holds",
        "Nothing that was done would be refused.",
        "Nobody has approved it yet; it takes two people.",
    ):
        assert said in page.text, said
    endorsed = await approver.act(place, "policy.approve")
    assert "The change of the policy has your approval." in endorsed.text
    assert not endorsed.offers("policy.approve")
    assert "the second approval is another person's" in endorsed.text

    second = await signed_in(bank_world, "other-policy-approver", language="de")
    german = await second.get(place)
    assert "Geschäftskontrolle (verifier) darf neu: Salden lesen (balance.read)" in german.text
    stale = page.form("policy.approve").fields["version"]
    form = german.form("policy.approve")
    assert "✕" in (await second.submit(form, version=stale)).text
    approved = await second.act(place, "policy.approve")
    assert "genehmigt" in approved.text
    assert not approved.offers("policy.approve")
    assert approved.offers("policy.refuse")

    for by in ("policy-author", "compliance", "auditor"):
        reader = await (await signed_in(bank_world, by)).get(place)
        assert not reader.offers("policy.approve"), by
        assert not reader.offers("policy.refuse"), by
    trader = await signed_in(bank_world, "trader")
    for path in ("/policy", place, f"{place}/text", "/policy/text", "/policy/release"):
        assert (await trader.client.get(path)).status_code == 403, path


async def test_ORG_13_every_version_reads_as_text(bank_world: World) -> None:
    draft = (await drafted(bank_world, GOOD)).json()
    auditor = await signed_in(bank_world, "auditor")
    then = await auditor.get(f"/policy/drafts/{draft['id']}/text")
    assert f"Access concept of policy {draft['policy']}" in then.text
    assert "Read balances (balance.read): compares deals with the books" in then.text
    assert "compares deals with the books" not in (await auditor.get("/policy/text")).text
    german = await (await signed_in(bank_world, "auditor", language="de")).get("/policy/release")
    assert "Was nie in einer Person zusammentrifft" in german.text
    nowhere = await auditor.client.get("/policy/drafts/01900000-0000-7000-8000-000000000000/text")
    assert nowhere.status_code == 404
