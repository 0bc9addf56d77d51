"""Store URLs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from nexus.errors import InvalidInput
from nexus.stores.memory import MemoryStore
from nexus.stores.opening import default_store_url, open_store, sqlite_url
from nexus.stores.sqlite import SQLiteStore
from nexus.testing.builders import a_session, creating


def sqlite_path(url: str) -> Path:
    store = open_store(url)
    assert isinstance(store, SQLiteStore)
    return store.path


def test_memory_is_a_store_of_its_own_each_time() -> None:
    one, two = open_store("memory://"), open_store("MEMORY://")
    assert isinstance(one, MemoryStore)
    assert one is not two


def test_three_slashes_are_relative_and_four_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sqlite_path("sqlite:///data/n.db") == tmp_path / "data" / "n.db"
    assert sqlite_path("sqlite:////var/lib/n.db") == Path("/var/lib/n.db")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert sqlite_path("sqlite:///~/n.db") == tmp_path / "n.db"


def test_paths_are_percent_decoded_and_urls_of_paths_come_back(tmp_path: Path) -> None:
    for name in ("with space.db", "50%.db", "é?#.db", "plain.db"):
        path = tmp_path / name
        assert sqlite_path(sqlite_url(path)) == path


def test_the_url_of_a_store_opens_the_same_store(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with SQLiteStore(tmp_path / "a b%20?.db") as store:
            await store.commit(creating(a_session("s1")))
            async with open_store(store.url) as same:
                assert await same.load("s1") is not None

    asyncio.run(scenario())


def test_the_default_is_one_file_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    path = sqlite_path(default_store_url())
    assert path.parts[-2:] == ("nexus", "nexus.sqlite3")
    assert path.is_relative_to(tmp_path) or sys.platform == "win32"
    assert not path.exists()


@pytest.mark.parametrize(
    "url", ["redis://localhost:6379/0", "rediss://h:1", "redis+sentinel://h:1/main/0", "unix:///tmp/r"]
)
def test_a_redis_url_names_a_redis_store_that_is_not_opened_yet(url: str) -> None:
    assert type(open_store(url)).__name__ == "RedisStore"


@pytest.mark.parametrize("url", ["redis+cluster://h:1", "redis+cluster://h:1?shards=4", "redis://h?shards=2"])
def test_a_store_in_a_cluster_or_one_with_shards_is_spread(url: str) -> None:
    assert type(open_store(url)).__name__ == "ShardedRedisStore"


@pytest.mark.parametrize("count", ["0", "257", "x", "", "-1", "٣"])
def test_a_number_of_shards_that_is_none_is_refused(count: str) -> None:
    with pytest.raises(InvalidInput, match="shards"):
        open_store(f"redis+cluster://h:1?shards={count}")


@pytest.mark.parametrize(
    "url",
    [
        "", "nexus.db", "sqlite", "sqlite://", "sqlite:///", "sqlite://host/path", "sqlite://n.db", "sqlite:///n.db?mode=ro",
        "sqlite:///n.db#x", "sqlite:///~nobody-of-this-name/n.db", "memory://name", "postgres://h/db", "file:///n.db", "://x",
    ],
)  # fmt: skip
def test_any_other_text_is_refused_with_the_forms_that_are_accepted(url: str) -> None:
    with pytest.raises(InvalidInput, match="sqlite:////absolute/path") as caught:
        open_store(url)
    assert caught.value.details["field"] == "store"


def test_a_password_in_a_url_is_not_repeated() -> None:
    for url in ("mysql://user:secret@host:6379/0", "postgres://user:secret@host/db"):
        with pytest.raises(InvalidInput) as caught:
            open_store(url)
        assert "secret" not in caught.value.message + str(caught.value.details)


def test_a_memory_store_loads_no_sqlite() -> None:
    code = "import sys, nexus.stores.opening as o; o.open_store('memory://'); print('sqlite3' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
