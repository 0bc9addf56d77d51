"""Output schemas: the shape of what tools answer with, as JSON Schema (draft 2020-12).

They come from the records that HTTP answers with, so that both doors say the same thing in the same words.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.channels.wire import answers

Schema = dict[str, Any]


def schema_of(record: type[msgspec.Struct]) -> Schema:
    """The schema of one record as an object schema; what it refers to stands in its ``$defs``."""
    (_,), definitions = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    schema = dict(definitions.pop(record.__name__))
    if definitions:
        schema["$defs"] = definitions
    return schema


RUN_RESULT = schema_of(answers.RunResultAnswer)
SESSION = schema_of(answers.SessionAnswer)
SESSIONS = schema_of(answers.SessionList)
EVENTS = schema_of(answers.EventList)
STATISTICS = schema_of(answers.StatisticsAnswer)
