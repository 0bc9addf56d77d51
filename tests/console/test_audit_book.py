"""The audit is read as far as somebody looks, and what is held of it stays bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

from nexus.model import Page
from nexus.model.audit import AuditRecord
from nexus_tui.audit.book import HELD, MOST_ON_TOP, PAGE, AuditBook, key_of
from nexus_widgets import Row


@dataclass
class Chain:
    """An audit that grows, read as the service reads it."""

    records: list[AuditRecord] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    wishes: int = 0
    hidden: int = 1
    """Only each so many-th record matches; a page looks at ``PAGE`` times as many as it may hold."""

    def add(self, count: int, *, chain: str = "", at: float | None = None) -> None:
        for _ in range(count):
            seq = sum(record.chain == chain for record in self.records) + 1
            when = at if at is not None else float(len(self.records))
            self.records.append(AuditRecord(
                seq=seq, chain=chain, at=when, actor="ci", channel="api", action="end", target_kind="session",
                target=f"s{seq}", outcome="done", hash="00",
            ))  # fmt: skip

    async def read(self, cursor: str | None, limit: int) -> Page[AuditRecord]:
        self.asked.append(cursor)
        found = sorted(self.records, key=lambda record: record.at, reverse=True)
        start = 0 if cursor is None else len(found) - int(cursor)
        some = found[start : start + limit]
        rest = len(found) - start - len(some)
        kept = tuple(record for record in some if record.seq % self.hidden == 0)
        return Page(items=kept, next_cursor=f"{rest}" if rest else None)

    def book(self) -> AuditBook:
        def wish() -> None:
            self.wishes += 1

        return AuditBook(self.read, lambda record: Row(key_of(record), (record.target,)), wish)


async def keys(book: AuditBook, offset: int, limit: int) -> list[str]:
    return [row.key for row in (await book.window(offset, limit)).rows]


async def all_of(book: AuditBook) -> None:
    while book.has_more or not book.is_begun:
        await book.read_on()


async def test_it_is_read_on_only_where_somebody_looks() -> None:
    chain = Chain()
    chain.add(PAGE * 3)
    book = chain.book()
    await book.read_on()
    assert (book.total, book.has_more, chain.asked) == (PAGE, True, [None])
    await book.window(0, 50)
    wishes = [chain.wishes]
    await book.window(PAGE - 40, 50)
    assert [*wishes, chain.wishes] == [0, 1]


async def test_every_record_is_reached_in_order_and_few_are_held() -> None:
    chain = Chain()
    chain.add(PAGE * (HELD * 3) + 7)
    book = chain.book()
    await all_of(book)
    assert book.total == len(chain.records)
    held = sum(len(part.records) for part in book._parts)
    assert held <= PAGE * (HELD + 1)
    expected = [f":{seq}" for seq in range(book.total, 0, -1)]
    for offset in (0, PAGE - 3, PAGE * 20, book.total - 30, PAGE * 5 + 1, 0):
        assert await keys(book, offset, 40) == expected[offset : offset + 40]
    assert sum(len(part.records) for part in book._parts) <= PAGE * (HELD + 1)


async def test_what_is_new_comes_on_top_and_what_was_read_stays() -> None:
    chain = Chain()
    chain.add(PAGE * 3)
    book = chain.book()
    await all_of(book)
    chain.add(5)
    assert await book.look(show=True)
    assert await keys(book, 0, 8) == [f":{seq}" for seq in range(PAGE * 3 + 5, PAGE * 3 - 3, -1)]
    assert await keys(book, PAGE * 2, 8) == [f":{seq}" for seq in range(PAGE + 5, PAGE - 3, -1)]
    assert not await book.look(show=True)


async def test_what_is_new_is_only_counted_while_somebody_reads_further_down() -> None:
    chain = Chain()
    chain.add(300)
    book = chain.book()
    await all_of(book)
    chain.add(9)
    assert not await book.look(show=False)
    assert (book.newer, book.total) == (9, 300)
    chain.add(PAGE * 2)
    await book.look(show=False)
    assert book.newer == PAGE
    assert await book.look(show=True)
    assert (book.newer, await keys(book, 0, 1)) == (0, [f":{309 + PAGE * 2}"])


async def test_a_record_of_another_chain_is_put_where_its_time_says() -> None:
    chain = Chain()
    chain.add(10, chain="s00")
    book = chain.book()
    await all_of(book)
    chain.add(1, chain="s01", at=7.5)
    assert await book.look(show=True)
    assert await keys(book, 0, 4) == ["s00:10", "s00:9", "s01:1", "s00:8"]


async def test_the_top_does_not_grow_without_end() -> None:
    chain = Chain()
    chain.add(PAGE * 2)
    book = chain.book()
    await all_of(book)
    for _ in range(MOST_ON_TOP // 150 + 1):
        chain.add(150)
        await book.look(show=True)
    assert len(book.newest()) <= MOST_ON_TOP
    await all_of(book)
    assert await keys(book, 0, book.total) == [f":{seq}" for seq in range(len(chain.records), 0, -1)]


async def test_a_page_may_be_empty_and_have_others_behind_it() -> None:
    chain = Chain(hidden=PAGE * 2)
    chain.add(PAGE * 9)
    book = chain.book()
    assert await book.read_on() == 1 or book.has_more
    await all_of(book)
    assert book.total == 4
    assert await keys(book, 0, 9) == [f":{seq * PAGE * 2}" for seq in (4, 3, 2, 1)]


async def test_a_record_is_found_by_its_key_as_long_as_it_is_held() -> None:
    chain = Chain()
    chain.add(PAGE * (HELD + 4))
    book = chain.book()
    await all_of(book)
    newest = len(chain.records)
    assert await book.locate(f":{newest}") == 0
    assert await book.locate(":1") == newest - 1
    assert await book.locate(f":{newest - PAGE - 1}") is None
    assert book.record(":1") is not None
    assert book.record(None) is None
