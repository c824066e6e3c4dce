"""``smok sandbox``: a SMOK cloud on this machine, to try things out against."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from smok_cli.app import Session, pass_session
from smok_cli.signals import stop_on_signals
from smok_cli.terminal import say

if TYPE_CHECKING:
    from smok_testing.cloud.app import SandboxCloud
    from smok_testing.cloud.server import SandboxServer


@click.command("sandbox")
@click.option("--tls", is_flag=True, help="Mutual TLS with certificates made for the occasion.")
@click.option("--device", default="sandbox-device", show_default=True, help="Id of the device.")
@click.option("--directory", type=click.Path(), help="Where --tls puts the certificates.")
@pass_session
def command(session: Session, tls: bool, device: str, directory: str | None) -> None:  # noqa: ARG001
    """Serve the SMOK API from memory on a loopback port until Ctrl-C, then tell what arrived.

    It prints the [cloud] table that points a configuration to it.
    """
    from smok_testing.cloud.app import SandboxCloud

    cloud = SandboxCloud(device)
    with ExitStack() as stack:
        server = stack.enter_context(_server(cloud, stack, directory, tls=tls))
        say(f'\nurl = "{server.url}"\n', nl=False)
        stop_on_signals().wait()
    _tell(cloud)


def _server(
    cloud: SandboxCloud, stack: ExitStack, directory: str | None, *, tls: bool
) -> SandboxServer:
    from smok_testing.cloud.server import SandboxServer

    if not tls:
        say("[cloud]", nl=False)
        return SandboxServer(cloud)
    folder = Path(directory or stack.enter_context(tempfile.TemporaryDirectory())).absolute()
    if not folder.parent.is_dir():
        raise click.UsageError(
            f"--directory: there is no {folder.parent}. Correct the path, or make that directory."
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    say("[cloud]", nl=False)
    return _tls_server(cloud, folder)


def _tls_server(cloud: SandboxCloud, folder: Path) -> SandboxServer:
    from smok_testing.cloud.certificate_check import CertificateCheck, CertificateIn
    from smok_testing.cloud.pki import SandboxPki
    from smok_testing.cloud.server import SandboxServer, server_context

    pki = SandboxPki(folder)
    files = pki.issue_device(cloud.device_id, name="device")
    for name, path in (
        ("certificate", files.certificate),
        ("private_key", files.key),
        ("ca_bundle", pki.bundle),
        ("server_ca", pki.bundle),
    ):
        say(f'\n{name} = "{path}"', nl=False)
    context = server_context(pki.issue_server(), device_cas=pki.bundle)
    return SandboxServer(
        cloud, tls=context, certificate_check=CertificateCheck(CertificateIn.TLS, pki.bundle)
    )


def _tell(cloud: SandboxCloud) -> None:
    counts = {
        "values": len(cloud.points),
        "events": len(cloud.events),
        "sensor writes": len(cloud.sensor_writes),
        "macros done": len(cloud.macros_done),
        "metadata": len(cloud.metadata),
        "BAOBs": len(cloud.baobs),
    }
    say("arrived: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
