"""Work on the plain pages: taken, put back, handed over and given back, without a script, in both languages."""

from tests.bank import World
from tests.visiting import signed_in, struck


async def test_work_is_taken_handed_over_and_given_back_on_its_page(bank: World) -> None:
    await struck(await signed_in(bank, "trader"))
    verifier, risk = await signed_in(bank, "verifier"), await signed_in(bank, "risk-controller")
    queue = await verifier.get("/work", age="0-1")
    place = next(link for link in queue.links if link.startswith("/work/"))
    assert (await verifier.get("/work", age="8+")).text.count("Nothing waits here.") == 1

    taken = await verifier.act(place, "/acts/work.take")
    assert "verifier" in taken.text
    assert taken.offers("work.leave")
    other = await (await signed_in(bank, "other-verifier")).get(place)
    assert "Somebody else has taken this work" in other.text
    assert not other.offers("work.take")
    await verifier.act(place, "/acts/handover.offer", to="risk_control", reason="is this price explained?")
    assert place in (await risk.get("/work", place="offered")).links
    await risk.act(place, "/acts/handover.accept")
    assert place in (await verifier.get("/work", place="away")).links
    await risk.act(place, "/acts/handover.return", reason="explained by the fixing")
    german = await verifier.client.get(place, headers={"Accept-Language": "de"})
    assert "Alter in Geschäftstagen" in german.text
    assert "Übernehmen" in german.text
