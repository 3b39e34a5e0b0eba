"""Several nodes on one bank: what is done automatically is done by one of them at a time."""

import asyncio

from policies.vocabulary import Office
from service.automatic import HANDLERS
from service.kernel.turns import turn
from service.people.directory import service_actor
from service.work.worker import Worker
from tests.bank import World
from tests.deals import refusals
from tests.settling import verified


async def test_two_nodes_do_each_item_once_and_neither_is_told_that_it_is_done(ready_bank: World) -> None:
    gate, offices = ready_bank.bank.gate, (Office.BACK_OFFICE, Office.ACCOUNTING)
    for _ in range(2):
        await verified(ready_bank)
    before = len(await refusals(ready_bank))
    workers = [Worker(gate, office, HANDLERS, service_actor) for office in offices for _ in range(2)]
    done = [await asyncio.gather(*(worker.drain() for worker in workers)) for _ in range(2)]
    assert sum(map(sum, done)) == 4  # of each deal the confirmation's draft and the posting
    assert len(await refusals(ready_bank)) == before

    engine = gate.offices[Office.BACK_OFFICE]
    async with turn(engine, "post") as first, turn(engine, "post") as second, turn(engine, "other") as other:
        assert (first, second, other) == (True, False, True)
    async with turn(engine, "post") as again:
        assert again
