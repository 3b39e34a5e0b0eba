"""How the demo's own processes sign in: a session opened by the service itself, in a demo bank only."""

from sqlalchemy import text

from policies.vocabulary import Action
from service.bank import Bank
from service.gate import USE_CASES
from service.kernel.actor import Actor
from service.people.directory import actor_of_account
from service.people.signing_in import office_of

ACCOUNT = text("SELECT id FROM public.account WHERE name = :name")


class NotADemoBank(RuntimeError):
    """Sessions without a password exist in demo banks only."""


async def actor_named(bank: Bank, account: str) -> Actor:
    """Return the actor behind an account of the demo bank. Raises LookupError if there is none."""
    office = await office_of(bank.gate, account)
    if office is not None:
        async with bank.offices[office].connect() as connection:
            found = await connection.scalar(ACCOUNT, {"name": account})
            actor = await actor_of_account(connection, found, origin="demo")
        if actor is not None:
            return actor
    raise LookupError(account)


async def token_for(bank: Bank, account: str) -> str:
    """Open a session for a demo account through the gate and return its bearer token."""
    if not bank.settings.demo:
        raise NotADemoBank
    actor = await actor_named(bank, account)
    case = USE_CASES[Action.SESSION_OPEN]
    done = await bank.gate.perform(actor, case, case.command(restricted=False), opening=True)
    return str(done.answer["token"])
