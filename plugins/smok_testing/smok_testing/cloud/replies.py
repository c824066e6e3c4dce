"""Making answers: JSON, errors, bytes."""

import json
from typing import Any

from smok_testing.cloud.state import Reply


def make_reply(status: int, body: bytes, content_type: str, **headers: str) -> Reply:
    """Make an answer; underscores in header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status, {"content-type": content_type, "content-length": str(len(body)), **named}, body
    )


def json_reply(value: Any, status: int = 200) -> Reply:
    """Make an answer of a plain value."""
    return make_reply(status, json.dumps(value, allow_nan=False).encode(), "application/json")


def error_reply(status: int, text: str, **headers: str) -> Reply:
    """Make an answer of the API's own error form."""
    body = json.dumps({"status": text}).encode()
    return make_reply(status, body, "application/json", **headers)
