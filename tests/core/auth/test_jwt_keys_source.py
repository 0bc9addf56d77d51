"""Where an identity provider's keys come from: real addresses and files that change, fail and lie."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus import AsyncNexus, AuthenticationRequired, InvalidInput, StoreUnavailable
from nexus.auth.jwt_source import OLDEST, KeySource
from nexus.testing import FakeClock
from tests.core.auth.provider import NOW, Provider, certificate, jwks, key, serving, settings, token

OLD, NEW, OTHER = key("old"), key("new"), key("other")


class Seconds:
    """A clock that only goes forward, when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as serves:
        serves.publish(OLD)
        yield serves


async def names(source: KeySource, kid: str, *, worth_asking: bool = True) -> list[str | None] | None:
    found = await source.find(kid, "ES256", worth_asking=worth_asking)
    return None if found is None else [each.kid for each in found]


async def test_an_address_is_read_once_and_believed(provider: Provider) -> None:
    source = KeySource(provider.url, Seconds())
    await source.open()
    for _ in range(20):
        assert await names(source, "old") == ["old"]
    assert provider.asked == 1
    assert source.state().word == "current"


async def test_a_new_key_is_found_when_it_is_first_used_and_garbage_makes_no_flood(provider: Provider) -> None:
    seconds = Seconds()
    source = KeySource(provider.url, seconds)
    await source.open()
    provider.publish(OLD, NEW)
    for _ in range(50):
        assert await names(source, "garbage") == []
    assert provider.asked == 1
    seconds.now += 10
    # However many ask at once, the provider is asked once.
    found = await asyncio.gather(
        *(names(source, "new") for _ in range(50)), *(names(source, f"g{n}") for n in range(50))
    )
    assert found == [["new"]] * 50 + [[]] * 50
    assert provider.asked == 2
    await asyncio.gather(*(names(source, f"h{n}") for n in range(50)))
    assert provider.asked == 2


async def test_who_could_not_come_in_anyway_has_nobody_asked(provider: Provider) -> None:
    seconds = Seconds()
    source = KeySource(provider.url, seconds)
    await source.open()
    seconds.now += 60
    assert await names(source, "new", worth_asking=False) == []
    assert provider.asked == 1


async def test_a_key_that_was_withdrawn_stops_letting_in(provider: Provider) -> None:
    seconds = Seconds()
    source = KeySource(provider.url, seconds)
    await source.open()
    assert await source.knows(OLD.thumbprint())
    provider.publish(NEW)
    seconds.now += 300
    assert not await source.knows(OLD.thumbprint())
    assert await names(source, "old") == []
    assert await source.knows(NEW.thumbprint())


async def test_what_is_known_stays_in_force_while_the_provider_is_away_and_not_for_ever(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = Seconds()
    source = KeySource(provider.url, seconds)
    await source.open()
    provider.status = 503
    seconds.now += 300
    with caplog.at_level(logging.WARNING, "nexus.auth"):
        for _ in range(10):
            assert await source.knows(OLD.thumbprint())
    assert provider.asked == 2
    assert source.state().word == "kept"
    assert source.state().problem == "it answers 503"
    (told,) = caplog.messages
    assert "its 1 known keys stay in force" in told
    seconds.now += OLDEST - 300
    assert await source.knows(OLD.thumbprint())
    await asyncio.sleep(0)
    seconds.now += 1
    assert not await source.knows(OLD.thumbprint())
    assert await names(source, "old") is None
    assert source.state().word == "missing"
    provider.publish(OLD)
    seconds.now += 30
    assert await names(source, "old") == ["old"]
    assert source.state().word == "current"
    await source.close()


async def test_nobody_waits_for_a_provider_that_hangs_while_keys_are_known(provider: Provider) -> None:
    seconds = Seconds()
    source = KeySource(provider.url, seconds)
    await source.open()
    provider.status = 500
    seconds.now += 300
    assert await source.knows(OLD.thumbprint())
    provider.gate.clear()
    seconds.now += 30
    for _ in range(5):
        assert await source.knows(OLD.thumbprint())
    provider.gate.set()
    await source.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": 404}, "it answers 404"),
        ({"status": 302, "headers": {"Location": "https://evil.example.com/jwks"}}, "it redirects"),
        ({"body": b"<html>"}, "no JSON"),
        ({"body": b"{}"}, "no JWKS"),
        ({"body": b" " * 300_000}, "over 262,144 bytes"),
        ({"body": json.dumps({"keys": [{"kty": "oct", "k": "AAAA"}]}).encode()}, "none of its 1 keys"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_an_address_answers_is_used_only_if_it_is_a_jwks(
    provider: Provider, answer: dict[str, object], says: str
) -> None:
    source = KeySource(provider.url, Seconds())
    for name, value in answer.items():
        setattr(provider, name, value)
    await source.open()
    assert says in (source.state().problem or "")
    assert await names(source, "old") is None


async def test_an_address_that_does_not_answer_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as gone:
        url = gone.url
    seconds = Seconds()
    source = KeySource(url, seconds)
    with caplog.at_level(logging.WARNING, "nexus.auth"):
        await source.open()
    assert "none is known" in caplog.text
    assert await names(source, "old") is None
    assert source.state().age is None


async def test_over_tls_the_certificate_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted = certificate(tmp_path)
    with serving(trusted) as provider:
        provider.publish(OLD)
        assert provider.url.startswith("https://")
        stranger = KeySource(provider.url, Seconds())
        await stranger.open()
        assert "certificate" in (stranger.state().problem or "").lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        source = KeySource(provider.url, Seconds())
        await source.open()
        assert await names(source, "old") == ["old"]


async def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path, seconds = tmp_path / "jwks.json", Seconds()
    path.write_text(json.dumps(jwks(OLD)))
    source = KeySource(str(path), seconds)
    await source.open()
    replaced = tmp_path / "next.json"
    replaced.write_text(json.dumps(jwks(NEW)))
    replaced.replace(path)
    seconds.now += 1
    assert await names(source, "new") == ["new"]
    assert await names(source, "old") == []
    path.write_text("{")
    seconds.now += 1
    assert await names(source, "new") == ["new"]
    assert source.state().word == "kept"
    path.write_text(json.dumps(jwks(OLD, NEW)))
    seconds.now += 1
    await names(source, "old")
    await source.close()
    assert await names(source, "old") == ["old"]


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "pipe"])
async def test_a_file_without_keys_stops_the_start(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "jwks.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    async with AsyncNexus(**settings(str(path))) as app:
        with pytest.raises(InvalidInput) as refused:
            await app.parts.verifier.open()
    assert refused.value.details["field"] == "jwt_jwks"
    assert str(path) in refused.value.message


async def test_without_keys_a_token_is_neither_good_nor_bad(provider: Provider) -> None:
    provider.status = 500
    async with AsyncNexus(clock=FakeClock(NOW), **settings(provider.url)) as app:
        with pytest.raises(StoreUnavailable, match="identity provider"):
            await app.caller_of_token(token(OLD), "api")
        with pytest.raises(AuthenticationRequired):
            await app.caller_of_token("nexus_guessed", "api")


async def test_a_verified_token_goes_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(jwks(OLD, NEW)))
    async with AsyncNexus(clock=FakeClock(NOW), **settings(str(path))) as app:
        secret = token(OLD)
        assert (await app.caller_of_token(secret, "api")).actor == "jwt:ann"
        path.write_text(json.dumps(jwks(NEW)))
        async with asyncio.timeout(30):
            while True:
                try:
                    await app.caller_of_token(secret, "api")
                except AuthenticationRequired:
                    break
                await asyncio.sleep(0.05)
        assert (await app.caller_of_token(token(NEW), "api")).actor == "jwt:ann"


async def test_no_cryptography_is_loaded_without_a_provider() -> None:
    import subprocess
    import sys

    from tests.running import environment

    code = (
        "import asyncio, sys\nfrom nexus import AsyncNexus\n"
        "async def main():\n"
        "    async with AsyncNexus(store='memory://', enable_auth=True) as app:\n"
        "        await app.parts.verifier.open()\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('joserfc', 'cryptography', 'httpx')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment("memory://"), capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
