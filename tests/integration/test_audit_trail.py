"""The log's own home: sequenced by membership, published in steps that can be repeated, held against the books."""

from tests import settling
from tests.bank import World
from tests.keeping import findings, publish, verdict


async def test_the_books_and_the_log_of_a_working_bank_tell_the_same_story(bank_world: World) -> None:
    await settling.set_up(bank_world)
    await settling.settled(bank_world)
    cancelled = await settling.verified(bank_world)
    await settling.drain(bank_world)
    await cancelled.cancel()
    await settling.drain(bank_world)
    unpublished = await findings(bank_world)

    await publish(bank_world)

    assert unpublished == []
    assert await findings(bank_world) == []
    assert verdict(bank_world).line() == "VERIFIED (L1 self-signed)", verdict(bank_world).lines()
