"""Run every benchmark script of this folder and show its figures; `make bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run them one after the other; the exit status is the number that failed to run."""
    scripts = sorted(
        path for path in HERE.glob("*.py") if path.name not in {"run.py", "figures.py"}
    )
    failed = 0
    for script in scripts:
        print(f"--- {script.name}", flush=True)
        failed += subprocess.run([sys.executable, str(script)], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
