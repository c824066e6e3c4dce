"""From the table ``[cloud]`` of a configuration to a client of the SMOK cloud."""

import time
from collections.abc import Callable
from pathlib import Path

from smok_cloud.api import ApiClient
from smok_cloud.bodies import ENCODERS
from smok_cloud.certificates import DeviceCertificate, read_device_certificate
from smok_cloud.errors import InvalidCloudSetting
from smok_cloud.options import CloudSettings, cloud_settings
from smok_cloud.transport import Limits
from smok_core.config import Config


def connect(config: Config, *, clock: Callable[[], float] = time.time) -> ApiClient:
    """Return a client for the configured cloud; nothing is sent yet.

    Raises:
        InvalidCredentials: The device certificate or its key cannot be used.
        InvalidCloudSetting: The table is missing, or its URL or proxy cannot be used.
    """
    cloud = cloud_settings(config)
    if cloud is None:
        remedy = "Add the table to smok.toml; `smok init` writes one to start from."
        raise InvalidCloudSetting("the table [cloud]", "is missing", remedy)
    return ApiClient(
        cloud.url,
        device_certificate(config, clock=clock),
        ca_bundle=_resolve(config, cloud.server_ca),
        proxy=cloud.proxy,
        limits=Limits(cloud.connect_seconds, cloud.read_seconds, cloud.total_seconds),
        encoder=ENCODERS[cloud.encoding](),
        gzip=cloud.gzip,
        bytes_per_second=cloud.max_bytes_per_second,
        accept_empty=cloud.accept_empty,
        insecure=cloud.insecure,
        clock=clock,
    )


def device_certificate(
    config: Config, *, clock: Callable[[], float] = time.time
) -> DeviceCertificate | None:
    """Read the configured device certificate; None if none is configured (a sandbox without TLS).

    Raises:
        InvalidCredentials: It cannot be used, and why.
    """
    cloud = cloud_settings(config) or CloudSettings()
    if cloud.certificate is None or cloud.private_key is None:
        return None
    return read_device_certificate(
        config.resolve(cloud.certificate),
        config.resolve(cloud.private_key),
        passphrase=cloud.passphrase,
        ca_bundle=_resolve(config, cloud.ca_bundle),
        clock=clock,
    )


def _resolve(config: Config, path: str | None) -> Path | None:
    return None if path is None else config.resolve(path)
