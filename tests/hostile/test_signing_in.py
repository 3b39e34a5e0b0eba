"""What a password may be, how secrets are kept, and when a session is over: the promises behind the sign-in."""

import hashlib

from service.people.authentication import LENGTH_MAX, LENGTH_MIN, SESSION_IDLE_SECONDS, weakness
from tests.bank import PASSWORD, World
from tests.deals import by_force, rows

SECRET = "SELECT c.secret FROM public.credential c JOIN public.account a ON a.id = c.account_id WHERE a.name = 'trader'"

EASY = (
    "x" * (LENGTH_MIN - 1),
    "14 characters.",
    "x y " * (LENGTH_MAX // 4) + "z",
    "passwordpassword",
    "PASSWORDpassword",
    "aaaaaaaaaaaaaaaaaaaa",
    "my name is trader, hello",
)
GOOD = (
    "only small letters here",
    "  spaces at both ends  ",
    "ÄÖÜ — Straße № 7, 東京",
    "x y " * (LENGTH_MAX // 4),
)


def test_a_password_is_long_and_not_easy_and_any_characters_do() -> None:
    assert [weakness(password, "trader") is None for password in EASY] == [False] * len(EASY)
    assert [weakness(password, "trader") for password in GOOD] == [None] * len(GOOD)


async def test_everybody_changes_their_password_and_it_is_taken_as_it_comes(bank_world: World) -> None:
    chosen = GOOD[1]
    before = await rows(bank_world, SECRET)
    async with bank_world.anonymous() as client:
        opened = await client.post("/api/sessions", json={"account": "trader", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {opened.json()['token']}"
        easy = await client.put("/api/sessions/current/password", json={"password": EASY[-1]})
        assert easy.status_code in (400, 422)
        answer = await client.put("/api/sessions/current/password", json={"password": chosen})
        assert answer.status_code == 204
        del client.headers["Authorization"]
        for near, status in ((chosen.strip(), 401), (chosen.swapcase(), 401), (chosen, 201)):
            body = {"account": "trader", "password": near}
            assert (await client.post("/api/sessions", json=body)).status_code == status, near
    assert (await rows(bank_world, SECRET)) != before


async def test_of_a_password_its_argon2_hash_is_kept_and_of_a_token_its_digest(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        tokens = [
            (await client.post("/api/sessions", json={"account": "trader", "password": PASSWORD})).json()["token"]
            for _ in range(2)
        ]  # fmt: skip
    secrets = [row.secret for row in await rows(bank_world, "SELECT secret FROM public.credential")]
    assert secrets
    assert all(secret.startswith("$argon2id$") for secret in secrets)
    kept = {bytes(row.token_sha256) for row in await rows(bank_world, "SELECT token_sha256 FROM session")}
    assert {hashlib.sha256(token.encode()).digest() for token in tokens} <= kept
    assert tokens[0] != tokens[1]
    assert all(len(token.rpartition(".")[2]) >= 43 for token in tokens)  # 256 bits in base64


async def test_a_session_ends_when_nobody_uses_it_and_at_the_latest_after_its_day(bank_world: World) -> None:
    for account, past in (
        ("trader", f"last_seen_at = last_seen_at - interval '{SESSION_IDLE_SECONDS + 60} seconds'"),
        ("verifier", "expires_at = now() - interval '1 second'"),
    ):
        caller = await bank_world.as_(account)
        assert (await caller.get("/api/powers")).status_code == 200
        await by_force(
            bank_world,
            f"UPDATE public.session s SET {past} FROM public.account a "
            f"WHERE a.id = s.account_id AND a.name = '{account}'",
        )
        assert (await caller.get("/api/powers")).status_code == 401, account
    longest = await rows(
        bank_world, "SELECT max(extract(epoch FROM expires_at - opened_at)) AS s FROM public.session"
    )
    assert longest[0].s <= 12 * 60 * 60
