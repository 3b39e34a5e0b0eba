"""Which policy is in force: the one that was put in force last, from the database; the release's own until then."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.policy import Policy, read

FILES = text("SELECT version, file, content FROM public.policy_files()")
NOW = text("SELECT public.policy_now()")


async def policy_in_force(connection: AsyncConnection, shipped: Policy) -> Policy:
    """Return the policy in force; ``shipped``, the release's own, is version zero.

    Raises PolicyError if this release cannot read what is in force.
    """
    found = (await connection.execute(FILES)).all()
    if not found:
        return shipped
    policy = read({row.file: row.content.encode() for row in found})
    assert policy.version == found[0].version, "the texts in force hash to their version"
    return policy
