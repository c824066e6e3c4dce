"""What is imported when, and what a device without the extra is told."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
from smok_core.errors import ExtraMissing
try:
    {code}
except ExtraMissing as error:
    print(error.code, error.module, error.extra, error)
"""


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("cryptography", "import smok_cloud.certificates"),
        ("cryptography", "import smok_testing.cloud.pki"),
        ("requests", "import smok_cloud.api as a; a.ApiClient('https://x')"),
    ],
)
def test_a_missing_extra_is_named(module: str, code: str) -> None:
    """Without its libraries each part names the library and the command that installs it."""
    output = _run(BLOCKED.format(blocked={module}, code=code))
    assert output.startswith(f"SMOK-P10 {module} cloud ")
    assert 'pip install "smok-core[cloud]"' in output


def test_a_simulation_needs_no_extra() -> None:
    """Client and sandbox without sockets work without requests and cryptography."""
    code = (
        "from smok_cloud.api import ApiClient; "
        "from smok_testing.cloud import InProcessTransport, SandboxCloud; "
        "client = ApiClient('http://x', transport=InProcessTransport(SandboxCloud())); "
        "print(client.get_sensors())"
    )
    blocked = {"requests", "urllib3", "cryptography"}
    assert _run(BLOCKED.format(blocked=blocked, code=code)) == "[]\n"
