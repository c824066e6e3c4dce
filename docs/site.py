"""Hooks of the site: a copy of mermaid, if there is one, comes along to draw the pictures."""

# ruff: noqa: INP001 - mkdocs loads this file by its path
from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig


_PLACE = "assets/mermaid.min.js"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let pages load our copy; without one the theme's script asks the network for it."""
    if _copy() is not None:
        config.extra_javascript.append(_PLACE)
    return config


def on_post_build(config: MkDocsConfig, **_: Any) -> None:
    """Put the copy where the pages look for it."""
    copy = _copy()
    if copy is not None:
        target = Path(config.site_dir) / _PLACE
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(copy)


def _copy() -> bytes | None:
    path = Path(os.environ.get("SMOK_MERMAID", ".venv/mermaid.min.js"))
    return path.read_bytes() or None if path.is_file() else None
