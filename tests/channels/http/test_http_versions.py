"""Entity tags: reading what has changed, and changing only what was read."""

from __future__ import annotations

import httpx
import pytest

from tests.channels.http.http_places import problem


@pytest.fixture(autouse=True)
async def session(http: httpx.AsyncClient) -> None:
    await http.post("/sessions", json={"session_id": "s"})


async def test_the_etag_is_the_version(http: httpx.AsyncClient) -> None:
    assert (await http.get("/sessions/s")).headers["ETag"] == '"1"'
    changed = await http.patch("/sessions/s", json={"a": 1})
    assert changed.headers["ETag"] == '"2"'
    assert changed.json()["version"] == 2


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', "*", '"7", "1"', "1"])
async def test_what_has_not_changed_is_not_sent_again(http: httpx.AsyncClient, tag: str) -> None:
    response = await http.get("/sessions/s", headers={"If-None-Match": tag})
    assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", '"1"')
    await http.patch("/sessions/s", json={"a": 1})
    if tag != "*":
        assert (await http.get("/sessions/s", headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize("tag", ['"1"', "1", "*", '"7", "1"'])
async def test_a_change_on_the_version_that_was_read_is_made(http: httpx.AsyncClient, tag: str) -> None:
    assert (await http.patch("/sessions/s", json={"a": 1}, headers={"If-Match": tag})).status_code == 200


@pytest.mark.parametrize("tag", ['"2"', 'W/"1"', '"x"', '"7", "8"', '"99999999999999999999"'])
async def test_a_change_on_another_version_is_refused(http: httpx.AsyncClient, tag: str) -> None:
    response = await http.patch("/sessions/s", json={"a": 1}, headers={"If-Match": tag})
    problem(response, 412, "version_conflict")
    assert (await http.get("/sessions/s")).json()["state"] == {}


async def test_a_condition_that_cannot_be_read_is_refused(http: httpx.AsyncClient) -> None:
    for method, header in (("PATCH", "If-Match"), ("GET", "If-None-Match")):
        response = await http.request(
            method, "/sessions/s", headers={header: "yesterday", "Content-Type": "application/json"}, content=b"{}"
        )
        assert problem(response, 422, "invalid_input")["details"]["field"] == header


async def test_a_condition_is_refused_where_it_would_not_hold(http: httpx.AsyncClient) -> None:
    response = await http.post("/sessions/s/fork", headers={"If-Match": '"1"'})
    assert problem(response, 422, "invalid_input")["details"]["field"] == "If-Match"


async def test_of_two_changes_on_one_version_one_is_made(http: httpx.AsyncClient) -> None:
    import asyncio

    answers = await asyncio.gather(
        *(http.patch("/sessions/s", json={"by": n}, headers={"If-Match": '"1"'}) for n in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 9]
