"""Documents of the system."""

# ruff: noqa: S101
from __future__ import annotations

import asyncio

import pytest

from nexus.stores.base import Conflict, Store
from nexus.testing.contract.harness import Harness, with_store


class DocumentContract(Harness):
    """Documents are kept by kind and name, each change of one on what was seen."""

    @with_store
    async def test_documents_are_kept_by_kind_and_name(self, store: Store) -> None:
        await store.put_document("token", "b", b"\x00\xff", expected=None)
        await store.put_document("token", "a", b"", expected=None)
        await store.put_document("other", "a", b"else", expected=None)
        assert await store.documents("token") == {"a": b"", "b": b"\x00\xff"}
        assert list(await store.documents("token")) == ["a", "b"]
        assert await store.documents("nothing") == {}

    @with_store
    async def test_a_document_is_replaced_and_removed_only_as_it_was_seen(self, store: Store) -> None:
        await store.put_document("k", "n", b"1", expected=None)
        for expected in (None, b"2"):
            with pytest.raises(Conflict):
                await store.put_document("k", "n", b"3", expected=expected)
        await store.put_document("k", "n", b"2", expected=b"1")
        with pytest.raises(Conflict):
            await store.put_document("k", "n", None, expected=b"1")
        await store.put_document("k", "n", None, expected=b"2")
        assert await store.documents("k") == {}
        with pytest.raises(Conflict):
            await store.put_document("k", "n", b"3", expected=b"2")

    @with_store
    async def test_what_is_as_wanted_already_is_no_conflict(self, store: Store) -> None:
        await store.put_document("k", "n", b"1", expected=None)
        await store.put_document("k", "n", b"1", expected=None)
        await store.put_document("k", "n", None, expected=b"1")
        await store.put_document("k", "n", None, expected=b"1")
        assert await store.documents("k") == {}

    @with_store
    async def test_of_many_who_want_one_name_one_gets_it(self, store: Store) -> None:
        async def want(number: int) -> bool:
            try:
                await store.put_document("k", "n", b"%d" % number, expected=None)
            except Conflict:
                return False
            return True

        got = await asyncio.gather(*map(want, range(10)))
        assert sum(got) == 1
        assert await store.documents("k") == {"n": b"%d" % got.index(True)}
