"""Does what a page says, block by block, in one shell, as a reader would."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.conftest import FEW
from tests.docs.blocks import Block, blocks

_LAUNCHER = """\
#!{python}
import sys
from {module} import {function}
sys.exit({function}())
"""
_COMMANDS = {
    "smok": ("smok_cli", "main"),
    "pytest": ("pytest", "main"),
    "pip": ("pip._internal.cli.main", "main"),
}


def fresh_environment(root: Path, *packages: str) -> Path:
    """Make an environment that finds what is installed in ``packages`` and installs beside it."""
    venv.create(root, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = root / "lib" / version / "site-packages"
    lines = [f"import site; site.addsitedir({each!r})\n" for each in packages]
    (target / "beside.pth").write_text("".join(lines))
    for name, (module, function) in _COMMANDS.items():
        path = root / "bin" / name
        path.write_text(
            _LAUNCHER.format(python=root / "bin/python", module=module, function=function)
        )
        path.chmod(0o755)
    return root / "bin"


def own_packages() -> str:
    """Give the directory of what is installed where the tests run."""
    return sysconfig.get_paths()["purelib"]


def script(page: Path) -> str:
    """Give the whole page as one shell script; each block tells its line when it begins."""
    lines = ["set -euo pipefail", "set -m"]
    for block in blocks(page):
        lines += [f"echo '### {block}' >&2", _step(block)]
    return "\n".join(lines)


def _step(block: Block) -> str:
    if block.kind == "sh":
        return block.text
    if block.kind == "python":
        first = block.text.partition("\n")[0]
        if first.startswith("# file: "):
            target = first.removeprefix("# file: ")
            return (
                f"cat > {target} <<'END_OF_BLOCK'\n{block.text.partition(chr(10))[2]}END_OF_BLOCK"
            )
        return f"python - <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK"
    if block.kind == "diff":
        return f"patch -p1 --no-backup-if-mismatch <<'END_OF_BLOCK'\n{block.text}END_OF_BLOCK"
    return ":"


def follow(page: Path, bin_directory: Path, cwd: Path, timeout: float = 600) -> str:
    """Do it; give everything that was printed.

    Raises:
        AssertionError: A command failed.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SMOK", "PYTEST", "PYTHON"))}
    path = f"{bin_directory}:{kept['PATH']}"
    here = {"PATH": path, "COLUMNS": "120", "SMOK_KIT_EXAMPLES": FEW}
    done = subprocess.run(
        ["bash", "-c", script(page)], cwd=cwd, env=kept | here,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=timeout,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout
