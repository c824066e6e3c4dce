"""The calls that control devices and store nothing: enough for the published client to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smok_testing.cloud.inputs import checked

if TYPE_CHECKING:
    from smok_testing.cloud.app import SandboxCloud

__all__ = ["get_instrumentation", "patch_instrumentation", "post_orders", "put_device_logs"]


def post_orders(_cloud: SandboxCloud, _body: Any, *_uuid: str) -> Any:
    """Give no orders: they control devices and store nothing."""
    return []


def put_device_logs(cloud: SandboxCloud, body: Any) -> Any:
    """Take log lines as they are."""
    cloud.device_logs.append(body)
    return {}


def get_instrumentation(cloud: SandboxCloud, _body: None, slave: str) -> Any:
    """Give a slave device's instrumentation."""
    return {"linkstate": "{}", "instrumentation": {}, **cloud.instrumentation.get(slave, {})}


def patch_instrumentation(cloud: SandboxCloud, body: Any, slave: str) -> Any:
    """Change a slave device's instrumentation."""
    cloud.instrumentation.setdefault(slave, {}).update(checked(body, dict[str, Any]))
    return {}
