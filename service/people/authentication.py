"""Passwords and bearer tokens: how a secret is made, kept and checked."""

import asyncio
import base64
import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from policies.vocabulary import Office

LENGTH_MIN, LENGTH_MAX = 15, 256
HASHES_AT_ONCE = 4
SESSION_IDLE_SECONDS = 30 * 60
SESSION_SECONDS_MAX = 12 * 60 * 60
OFFICES = frozenset(office.value for office in Office)
COMMON = frozenset(
    {"passwordpassword", "123456789012345", "qwertyuiopasdfgh", "trennwandtrennwand", "aaaaaaaaaaaaaaa"}
)

_HASHER = PasswordHasher()
_PLACES = asyncio.Semaphore(HASHES_AT_ONCE)


@cache
def dummy_hash() -> str:
    """Return a hash no password has, so that an unknown account costs as long as a known one."""
    return _HASHER.hash(secrets.token_urlsafe(32))


async def matches(secret: str | None, password: str) -> bool:
    """Tell whether ``password`` is the one behind the argon2 hash; None stands for an unknown account."""
    async with _PLACES:
        return await asyncio.to_thread(_matches, secret, password)


def _matches(secret: str | None, password: str) -> bool:
    try:
        _HASHER.verify(secret or dummy_hash(), password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return secret is not None


async def hashed(password: str) -> str:
    """Return the argon2 hash to store."""
    async with _PLACES:
        return await asyncio.to_thread(_HASHER.hash, password)


def weakness(password: str, account: str) -> str | None:
    """Say why a password may not be chosen, or None. Length and guessability count, composition does not."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters."
    if password.casefold() in COMMON or account.casefold() in password.casefold() or len(set(password)) <= 2:  # noqa: PLR2004
        return "This password is too easy to guess."
    return None


def one_time_password() -> str:
    """Return a random password of 120 bits, in groups that can be read aloud."""
    letters = base64.b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(letters[at : at + 6] for at in range(0, 24, 6))


def new_token(office: Office) -> str:
    """Return a bearer token: 256 random bits, after the office whose database login can look it up."""
    return f"tw.{office.value}.{secrets.token_urlsafe(32)}"


def office_of_token(token: str) -> Office | None:
    """Return the office a token names, or None if it is no token of ours."""
    parts = token.split(".")
    if len(parts) != 3 or parts[0] != "tw" or parts[1] not in OFFICES:  # noqa: PLR2004
        return None
    return Office(parts[1])


def token_digest(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()
