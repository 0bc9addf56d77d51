"""The description as a page for people: made here, readable without scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from nexus.channels.http.problems import InternalError, MethodNotAllowed, RouteNotFound
from nexus.errors import NexusError

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#777;--soft:#8881}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.7rem;overflow-x:auto}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
summary{cursor:pointer;padding:.5rem .8rem;display:flex;gap:.8rem;align-items:baseline;flex-wrap:wrap}
summary b{min-width:3.6rem}summary span,small{color:var(--dim)}details>div{padding:0 .8rem .6rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem .25rem 0;vertical-align:top;
border-top:1px solid var(--line)}nav a{margin-right:1rem}h2{margin-top:2rem}
"""


def render(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document."""
    info = document["info"]
    tags = [tag["name"] for tag in document["tags"]]
    links = "".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in [*tags, "problems"])
    sections = "".join(_section(document, tag) for tag in tags)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
        f'<p>{_prose(info["description"])}</p><nav>{links}<a href="/openapi.json">openapi.json</a></nav>'
        f"{sections}{_problems(document)}</body></html>"
    )


def _section(document: Mapping[str, Any], tag: str) -> str:
    parts = [
        _operation(document, method, path, shown)
        for path, methods in document["paths"].items()
        for method, shown in methods.items()
        if tag in shown["tags"]
    ]
    return f'<h2 id="{escape(tag)}">{escape(tag.capitalize())}</h2>{"".join(parts)}'


def _operation(document: Mapping[str, Any], method: str, path: str, shown: Mapping[str, Any]) -> str:
    about = f"<span>{_prose(shown['summary'])}</span>"
    head = f"<summary><b>{method.upper()}</b> <code>{escape(path)}</code> {about}</summary>"
    body = [f"<p>{_prose(shown['description'])}</p>"]
    if shown["parameters"]:
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
            f"<td>{_type(each['schema'])}</td><td>{_prose(each.get('description', ''))}</td></tr>"
            for each in shown["parameters"]
        )
        body.append(f"<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>{rows}</table>")
    if "requestBody" in shown:
        content = next(iter(shown["requestBody"]["content"].values()))
        body.append(f"<p>Body</p>{_fields(_resolved(document, content['schema']))}")
    answers = "".join(
        f"<tr><td><code>{status}</code></td><td>{_prose(each['description'])}</td>"
        f"<td>{escape(', '.join(each.get('content', {})))}</td></tr>"
        for status, each in shown["responses"].items()
    )
    body.append(f"<table><tr><th>Answer</th><th></th><th>Type</th></tr>{answers}</table>")
    return f'<details id="{escape(shown["operationId"])}">{head}<div>{"".join(body)}</div></details>'


def _fields(schema: Mapping[str, Any]) -> str:
    if not schema.get("properties"):
        return "<pre>any JSON object</pre>"
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(each)}</td>"
        f"<td>{'required' if name in schema.get('required', ()) else ''}</td>"
        f"<td>{_prose(_about(each))}</td></tr>"
        for name, each in schema["properties"].items()
    )
    return f"<table><tr><th>Field</th><th>Type</th><th></th><th></th></tr>{rows}</table>"


def _about(schema: Mapping[str, Any]) -> str:
    for each in (schema, *schema.get("anyOf", ())):
        if "description" in each:
            return str(each["description"])
    return ""


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return escape(schema["$ref"].rsplit("/", 1)[1])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " · ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    limits = {
        key: schema[key] for key in ("minimum", "exclusiveMinimum", "maximum", "pattern", "default") if key in schema
    }
    shown = ", ".join(f"{key} <code>{escape(json.dumps(value))}</code>" for key, value in limits.items())
    return f"{escape(str(schema.get('type', 'any')))}{' (' + shown + ')' if shown else ''}"


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def _problems(document: Mapping[str, Any]) -> str:
    codes = {
        code
        for methods in document["paths"].values()
        for shown in methods.values()
        for each in shown["responses"].values()
        for told in [each.get("content", {}).get("application/problem+json")]
        if told is not None
        for code in told["schema"]["allOf"][1]["properties"]["code"]["enum"]
    }
    own = {each.code for each in (RouteNotFound, MethodNotAllowed, InternalError)}
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{kind.status}</td><td>{_prose(_first(kind))}</td></tr>'
        for code in sorted(codes | own)
        for kind in [_kind(code)]
    )
    return f'<h2 id="problems">Problems</h2><table><tr><th>Code</th><th>Status</th><th></th></tr>{rows}</table>'


def _kind(code: str) -> type[NexusError]:
    pending: list[type[NexusError]] = [NexusError]
    while pending:
        kind = pending.pop(0)
        if kind.code == code:
            return kind
        pending.extend(kind.__subclasses__())
    return NexusError


def _first(kind: type[NexusError]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _prose(text: str) -> str:
    return re.sub(r"`+([^`]+)`+", r"<code>\1</code>", escape(text))
