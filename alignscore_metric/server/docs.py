"""The page at `/docs`: what the OpenAPI schema says, as HTML that loads and runs nothing.

FastAPI's own pages load their scripts from another host.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing may be loaded, sent or run."""

STYLE = """
:root { color-scheme: light dark }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem; font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.15rem }
h2 code { font-size: 1.05rem }
pre { padding: .75rem; overflow-x: auto; border: 1px solid #8886; border-radius: .3rem }
table { width: 100%; border-collapse: collapse }
th, td { padding: .3rem .5rem; border-bottom: 1px solid #8886; text-align: left;
  vertical-align: top }
"""


def docs_page(schema: dict[str, Any]) -> str:
    """The page of an application.

    Args:
        schema: What `app.openapi()` gives.
    """
    info = schema["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    routes = [
        _route(schema, method.upper(), path, route)
        for path, methods in schema["paths"].items()
        for method, route in methods.items()
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1><p>{escape(info['description'])} "
        'All of it for programs: <a href="/openapi.json">/openapi.json</a>.</p>'
        f"{''.join(routes)}</body></html>"
    )


def _route(schema: dict[str, Any], method: str, path: str, route: dict[str, Any]) -> str:
    """One address: what it does, what it takes, an example, what it gives."""
    parts = [
        f"<h2><code>{method} {escape(path)}</code></h2><p>{escape(route.get('summary', ''))}</p>"
    ]
    taken = _model(schema, route.get("requestBody", {}))
    if taken:
        parts.append(f"<h3>takes</h3>{_fields(taken)}")
        for example in taken.get("examples", []):
            body = escape(json.dumps(example))
            parts.append(
                "<pre>curl -H &#x27;Content-Type: application/json&#x27; "
                f"http://127.0.0.1:8000{escape(path)} -d &#x27;{body}&#x27;</pre>"
            )
    given = _model(schema, route["responses"].get("200", {}))
    return "".join([*parts, f"<h3>gives</h3>{_fields(given)}" if given else ""])


def _model(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body; empty where it has none with a name."""
    content = part.get("content", {}).get("application/json", {}).get("schema", {})
    name = content.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else {}


def _fields(model: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type(field))}</td>"
        f"<td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in model.get("properties", {}).items()
    ]
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _type(field: dict[str, Any]) -> str:
    """What a field holds, in words."""
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    return str(field.get("type", "object"))
