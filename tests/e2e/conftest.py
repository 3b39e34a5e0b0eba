"""Fixtures of whole stories."""

import pytest

from tests.bank import World
from tests.settling import set_up


@pytest.fixture
async def bank(bank_world: World) -> World:
    """Give a bank with a counterparty, a portfolio, payment routes and fixings."""
    await set_up(bank_world)
    return bank_world
