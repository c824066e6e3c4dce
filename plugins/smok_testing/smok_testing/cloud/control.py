"""The calls that control devices and store nothing: enough for the published client to run."""

from typing import Any

from smok_testing.cloud.inputs import checked
from smok_testing.cloud.state import State


def post_orders(_cloud: State, _body: Any, *_uuid: str) -> Any:
    """Give no orders: they control devices and store nothing."""
    return []


def put_device_logs(cloud: State, body: Any) -> Any:
    """Take log lines as they are."""
    cloud.device_logs.append(body)
    return {}


def get_instrumentation(cloud: State, _body: None, slave: str) -> Any:
    """Return a slave device's instrumentation."""
    return {"linkstate": "{}", "instrumentation": {}, **cloud.instrumentation.get(slave, {})}


def patch_instrumentation(cloud: State, body: Any, slave: str) -> Any:
    """Change a slave device's instrumentation."""
    cloud.instrumentation.setdefault(slave, {}).update(checked(body, dict[str, Any]))
    return {}
