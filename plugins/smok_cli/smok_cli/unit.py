"""The systemd unit of ``smok run``: it may write where the stores are, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from smok_core.config import Config


#: What systemd makes for the service, and where ``smok init --systemd`` puts the store.
STATE: Final = Path("/var/lib/smok")

_UNIT: Final = """\
[Unit]
Description=Upload of the SMOK device
Wants=network.target
After=network.target

[Service]
User={user}
StateDirectory=smok
StateDirectoryMode=0700
WorkingDirectory={state}
ExecStart={smok} --config {config} run --plain
Restart=always
RestartSec=5
RestartPreventExitStatus=2 4 6
TimeoutStopSec=10
UMask=0077
ProtectSystem=strict
ReadWritePaths={writable}

[Install]
WantedBy=multi-user.target
"""


def unit_text(config: Config, user: str, smok: Path | None = None) -> str:
    """Return the unit.

    Args:
        config: Whose stores must be writable under ``ProtectSystem=strict``.
        user: Who the service runs as.
        smok: The program; default: the one beside this Python.
    """
    assert config.path is not None
    folders = [STATE, *_folders(config)]
    return _UNIT.format(
        user=user,
        state=STATE,
        smok=smok or Path(sys.executable).parent / "smok",
        config=config.path.absolute(),
        writable=" ".join(dict.fromkeys(map(_quoted, folders))),
    )


def _folders(config: Config) -> list[Path]:
    """Return the directories of all stores that are files."""
    paths = [getattr(store.options, "path", None) for store in config.stores.values()]
    return [config.resolve(path).absolute().parent for path in paths if isinstance(path, str)]


def _quoted(path: Path) -> str:
    text = str(path).replace("%", "%%")
    return f'"{text}"' if " " in text else text
