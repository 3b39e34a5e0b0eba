"""Fixtures of whole stories."""

import pytest

from tests.bank import World


@pytest.fixture
async def bank(ready_bank: World) -> World:
    """Give a bank with a counterparty, a portfolio, payment routes and fixings."""
    return ready_bank
