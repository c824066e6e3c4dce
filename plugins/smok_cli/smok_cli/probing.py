"""Try one backend in a process of its own: a plugin that crashes or hangs harms nobody."""

import importlib.util
import json
import subprocess
import sys
import time
from typing import Any

_LAST_LINES = 300


def probe(name: str, timeout: float) -> dict[str, Any]:
    """Import a backend in a child process and tell how it went.

    Gives ``import`` (ok, broken, driver missing or timeout), and then ``import_ms`` and
    ``capabilities``, or ``detail``.
    """
    words = [sys.executable, "-m", "smok_cli.probing", name]
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            words,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",  # a driver may print anything
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"import": "timeout", "detail": f"still importing after {timeout:g} s"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout.rpartition("\n")[2])
    except ValueError:
        end = done.stderr.strip()[-_LAST_LINES:]
        return {"import": "broken", "detail": f"ended with status {done.returncode}: {end}"}
    return answer


def _try_import(name: str) -> dict[str, Any]:
    from smok_core.errors import SmokError
    from smok_core.registry import Registry

    registry = Registry()
    started = time.perf_counter()
    try:
        info = registry.load(name, "smok backends --import").info
    except SmokError as error:
        return {"import": "broken", "detail": str(error), "code": error.code}
    spent = round((time.perf_counter() - started) * 1000, 1)
    for driver in info.drivers:
        if importlib.util.find_spec(driver.module) is None:
            remedy = f'pip install "{driver.requirement}"'
            return {"import": "driver missing", "detail": remedy, "import_ms": spent}
    return {"import": "ok", "import_ms": spent, "capabilities": sorted(info.capabilities)}


if __name__ == "__main__":
    answer = json.dumps(_try_import(sys.argv[1]))
    # A plugin may print while it is imported: the answer is the last line.
    sys.stdout.write(f"\n{answer}")
