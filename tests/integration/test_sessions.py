"""Signing in, being known, signing out."""

from tests.bank import PASSWORD, World


async def test_whoever_signs_in_is_known_until_they_sign_out(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        opened = await client.post("/api/sessions", json={"account": "trader", "password": PASSWORD})
        assert opened.status_code == 201
        client.headers["Authorization"] = f"Bearer {opened.json()['token']}"

        powers = await client.get("/api/powers")
        assert "trade.capture" in powers.json()["acts"]

        assert (await client.delete("/api/sessions/current")).status_code == 204
        assert (await client.get("/api/powers")).status_code == 401


async def test_a_wrong_password_says_nothing_about_the_account(bank_world: World) -> None:
    async with bank_world.anonymous() as client:
        known = await client.post("/api/sessions", json={"account": "trader", "password": "wrong"})
        unknown = await client.post("/api/sessions", json={"account": "nobody", "password": "wrong"})

    assert (known.status_code, unknown.status_code) == (401, 401)
    assert known.json()["detail"] == unknown.json()["detail"]
