"""Operations on everybody's events: the newest, and the stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import cast

from nexus.channels.http.operation import LAST_EVENT_HEADER, AsgiReply, Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.http.streams import EventStream
from nexus.channels.wire import shown
from nexus.channels.wire.answers import EventList
from nexus.channels.wire.asked import NoBody, RecentEvents, StreamEvents
from nexus.errors import InvalidInput, LimitExceeded, StoreUnavailable
from nexus.service import FeedItem

EVENT_STREAM = "text/event-stream"


@operation(
    "GET", "/events", tag="events", query=StreamEvents, headers=(LAST_EVENT_HEADER,),
    says=(Says(200, None, "a stream that goes on until the client leaves", media_type=EVENT_STREAM),),
)  # fmt: skip
async def stream_events(call: Call[StreamEvents, NoBody]) -> AsgiReply:
    """Events as they are committed, by any process, as Server-Sent Events: `id` is the event's seq (of a store that is
    spread over a cluster, a place in each part of it), `event` its type, `data` the event as JSON. The stream starts
    with the current `id`; `Last-Event-ID` (or `cursor`) resumes behind an event, without a gap or a repeat.
    `event: trimmed` says that events in between are no longer kept. `q` filters by the event's session, and with
    `type:` by its own type. Comments keep a quiet stream alive; a reader that takes nothing for 30 seconds is dropped.
    """
    given, header = call.query.cursor, call.headers.get("last-event-id")
    if given is not None and header is not None and given != header:
        raise InvalidInput("Last-Event-ID and the query parameter cursor differ: give one", field="cursor")
    if call.scope["method"] == "HEAD":
        return Reply(media_type=EVENT_STREAM)
    feed = call.service.feed(call.query.q, cursor=header if header is not None else given)
    first = await anext(feed, None)
    if first is None:
        raise StoreUnavailable("the store's event feed is closed: ask again")
    try:
        leave = call.context.app.parts.seats.take(call.service.caller.account)
    except LimitExceeded:
        await cast(AsyncGenerator[FeedItem, None], feed).aclose()
        raise
    return EventStream(call.context, first, feed, leave, call.service.caller.proof)


@operation("GET", "/events/recent", tag="events", query=RecentEvents, says=(Says(200, EventList, "the last of them"),))
async def recent_events(call: Call[RecentEvents, NoBody]) -> Reply:
    """The last events of all sessions, ascending."""
    events = await call.service.recent_events(call.query.q, call.query.limit)
    return answer(EventList(items=tuple(map(shown.event, events)), next_cursor=None))


OPERATIONS = (stream_events, recent_events)
