"""The OpenAPI 3.1 document, made from the declarations that route and check requests.

A schema is the one that a value is decoded or encoded by, so the document can't drift from what happens. Each
registered workflow also has a path of its own with its input schema: the same operation, spelled out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from nexus.channels.http.caller import CHANNEL_HEADER, NAMESPACE_HEADER
from nexus.channels.http.operation import Operation, Says
from nexus.channels.http.problems import MEDIA_TYPE, InternalError, UnsupportedMediaType
from nexus.channels.wire.answers import Problem
from nexus.channels.wire.asked import ID_PATTERN, Asked, Patch
from nexus.errors import (
    InvalidInput,
    LimitExceeded,
    NamespaceNotFound,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    StoreUnavailable,
)
from nexus.model import CHANNELS, WorkflowInfo

REF = "#/components/schemas/{name}"
_ALWAYS = (InvalidInput, PermissionDenied, StoreUnavailable, InternalError)
_OF_CALLERS = (RateLimited, LimitExceeded, NamespaceNotFound)
_WITH_BODY = (PayloadTooLarge, UnsupportedMediaType)
_PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "session_id": {"type": "string", "pattern": ID_PATTERN},
    "group_id": {"type": "string", "pattern": ID_PATTERN},
    "checkpoint_id": {"type": "string", "pattern": "^checkpoint-[1-9][0-9]{0,17}$"},
    "name": {"type": "string", "minLength": 1, "pattern": "^[^/]+$"},
    "namespace_name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$"},
    "token_name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
}
_ABOUT = (
    "One durable session record across HTTP, the command line and MCP. Errors are RFC 9457 problems with a stable"
    " `code`. Times are ISO 8601 in UTC. Every GET also answers HEAD. Parameters and fields that are not documented"
    " are refused, and so is an `X-Session-ID` header that names another session than the path."
)


def build(operations: Sequence[Operation], workflows: Sequence[WorkflowInfo], version: str) -> dict[str, Any]:
    """The document.

    Args:
        operations: All that are served.
        workflows: Those registered now.
        version: Of the product.
    """
    kinds = {kind for each in operations for kind in _kinds(each)} | {Problem}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=REF)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Nexus", "version": version, "description": _ABOUT},
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": {},
        "components": {"schemas": components},
    }
    for each in operations:
        document["paths"].setdefault(each.path, {})[each.method.lower()] = _operation(each)
    execute = next((each for each in operations if each.id == "execute_workflow"), None)
    if execute is not None:
        for info in workflows:
            _add_workflow(document, execute, info)
    return document


def _kinds(operation: Operation) -> Iterable[Any]:
    if operation.body is not None and operation.body is not Patch:
        yield operation.body
    for says in operation.says:
        yield from _records(says.kind)


def _records(kind: Any) -> Iterable[Any]:
    for each in getattr(kind, "__args__", (kind,)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            yield each


def _operation(operation: Operation) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.description.split(".")[0].split(":")[0],
        "description": operation.description,
        "parameters": [*_path(operation.path), *_query(operation.query), *_headers(operation)],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        schema = {"type": "object"} if operation.body is Patch else {"$ref": REF.format(name=operation.body.__name__)}
        shown["requestBody"] = _body(operation, schema)
    return shown


def _body(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "required": not operation.body_optional,
        "content": {media_type: {"schema": schema} for media_type in operation.media_types},
    }


def _path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query(kind: type[Asked]) -> list[dict[str, Any]]:
    _, components = msgspec.json.schema_components([kind], ref_template=REF)
    declared = components[kind.__name__]
    found = []
    for name, schema in declared["properties"].items():
        plain = _without_null(schema)
        about = plain.pop("description", None)
        parameter = {"name": name, "in": "query", "required": name in declared["required"], "schema": plain}
        found.append(parameter if about is None else {**parameter, "description": about})
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is not one that may be null: text has no null."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    plain = dict(options[0] if len(options) == 1 else schema)
    default = schema.get("default")
    return plain if default is None else {**plain, "default": default}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": each.name, "in": "header", "required": False, "description": each.description,
         "schema": dict(each.schema)}
        for each in operation.headers
    ]  # fmt: skip
    if not operation.open:
        about = "the channel that a client acts for, where it isn't `api`"
        schema = {"type": "string", "enum": list(CHANNELS)}
        found.append(
            {"name": CHANNEL_HEADER.title().replace("Id", "ID"), "in": "header", "required": False,
             "description": about, "schema": schema}
        )  # fmt: skip
        found.append(
            {"name": NAMESPACE_HEADER.title(), "in": "header", "required": False,
             "description": "the namespace to act in, for an admin of the store itself; others act in their token's",
             "schema": {"type": "string", "format": "nexus-namespace"}}
        )  # fmt: skip
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {str(says.status): _says(says) for says in operation.says}
    limited = () if operation.open else _OF_CALLERS
    errors = {*operation.errors, *_ALWAYS, *limited, *(_WITH_BODY if operation.body is not None else ())}
    for status in sorted({error.status for error in errors}):
        codes = sorted(error.code for error in errors if error.status == status)
        told = {"schema": _problem(codes)}
        response = responses.setdefault(str(status), {"description": " or ".join(codes), "content": {}})
        response.setdefault("content", {})[MEDIA_TYPE] = told
    return dict(sorted(responses.items()))


def _problem(codes: list[str]) -> dict[str, Any]:
    return {"allOf": [{"$ref": REF.format(name="Problem")}, {"properties": {"code": {"enum": codes}}}]}


def _says(says: Says) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": says.description}
    if says.headers:
        shown["headers"] = {
            name: {"description": about, "schema": {"type": "string"}} for name, about in says.headers.items()
        }
    if says.status != 304:
        shown["content"] = {says.media_type: {"schema": _schema(says)}}
    return shown


def _schema(says: Says) -> dict[str, Any]:
    if says.kind is None:
        return {"type": "string"}
    records = [{"$ref": REF.format(name=each.__name__)} for each in _records(says.kind)]
    if not records:
        return {"type": "object"}
    return records[0] if len(records) == 1 else {"anyOf": records}


def _add_workflow(document: dict[str, Any], execute: Operation, info: WorkflowInfo) -> None:
    key = "workflow-" + re.sub(r"[^A-Za-z0-9._-]", "_", info.name)
    own = REF.format(name=key)
    document["components"]["schemas"][key] = _rebased(info.input_schema, own)
    shown = _operation(execute)
    shown["operationId"] = f"execute_{re.sub(r'[^A-Za-z0-9_]', '_', info.name)}"
    shown["summary"] = f"Run {info.name}"
    shown["description"] = info.description or f"Run the workflow {info.name} in a session."
    shown["parameters"] = [each for each in shown["parameters"] if each["in"] != "path"]
    body = dict(document["components"]["schemas"]["Execute"])
    body["properties"] = {**body["properties"], "inputs": {"$ref": own}}
    needed = bool(info.input_schema.get("required"))
    if needed:
        body["required"] = ["inputs"]
    shown["requestBody"] = {"required": needed, "content": {"application/json": {"schema": body}}}
    document["paths"][f"/workflows/{quote(info.name, safe='')}/execute"] = {"post": shown}


def _rebased(schema: Any, own: str) -> Any:
    """References within a workflow's schema, from where it stands in this document."""
    if isinstance(schema, dict):
        return {
            key: f"{own}{value[1:]}" if key == "$ref" and isinstance(value, str) and value.startswith("#/")
            else _rebased(value, own)
            for key, value in schema.items()
        }  # fmt: skip
    return [_rebased(each, own) for each in schema] if isinstance(schema, list) else schema
