"""``smok certs``: the device's certificate chain, when each part ends, and whether it is good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from smok_cli.app import Session, pass_session
from smok_cli.screen import json_option, print_json, print_table
from smok_cli.terminal import say

if TYPE_CHECKING:
    from smok_cloud.inspection import CertificateReport
    from smok_core.config import Config


@click.command("certs")
@json_option
@pass_session
def command(session: Session, as_json: bool) -> int:
    """Show the certificates of the configured device; exit status 6 if they cannot be used.

    Without a configured certificate it shows the packaged authorities. It warns 180 days before
    any certificate of the chain ends.
    """
    from smok_core.config import load_config

    report = _inspect(load_config(session.config))
    if as_json:
        print_json(_plain(report))
    else:
        _show(report)
    return report.error.exit_status if report.error else 0


def _inspect(config: Config) -> CertificateReport:
    from smok_cloud.inspection import inspect_certificates
    from smok_cloud.options import CloudSettings, cloud_settings

    cloud = cloud_settings(config) or CloudSettings()
    paths = (cloud.certificate, cloud.private_key, cloud.ca_bundle)
    certificate, key, bundle = (None if path is None else config.resolve(path) for path in paths)
    return inspect_certificates(certificate, key, passphrase=cloud.passphrase, ca_bundle=bundle)


def _plain(report: CertificateReport) -> dict[str, Any]:
    return {
        "device": report.device_id,
        "environment": None if report.environment is None else report.environment.name.lower(),
        "usable": report.error is None,
        "error": None if report.error is None else str(report.error),
        "certificates": [status._asdict() for status in report.certificates],
        "warnings": list(report.warnings),
    }


def _show(report: CertificateReport) -> None:
    if report.device_id is not None and report.environment is not None:
        say(f"device {report.device_id}, {report.environment.name.lower()} environment")
    rows = [
        (s.part, s.subject, f"{s.not_before:%Y-%m-%d}", f"{s.not_after:%Y-%m-%d}", s.days_left)
        for s in report.certificates
    ]
    if rows:
        print_table("", ("part", "subject", "from", "until", "days left"), rows, right="days left")
    for warning in report.warnings:
        say(f"warning: {warning}", fg="yellow")
    if report.error is not None:
        say(f"error [{report.error.code}]: {report.error}", fg="red")
    elif report.device_id is not None:
        say("the device can use these credentials", fg="green")
