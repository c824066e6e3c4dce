"""What is imported when: who only stores does not pay for the cloud's libraries."""

import subprocess
import sys

import pytest

HEAVY = ("requests", "urllib3", "cryptography")


def imported_by(code: str) -> set[str]:
    """Run code in a fresh process and tell which of the heavy libraries it has imported."""
    script = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import smok_cloud",
        "import smok_core; smok_core.load_config({'cloud': {'url': 'https://api.smok.co'}})",
        "import smok_core; smok_core.open_databases({'device': 'd', 'cloud': {}}).close()",
    ],
)
def test_reading_the_table_imports_no_library(code):
    """A configuration with the table [cloud] costs a process that only stores nothing."""
    assert imported_by(code) == set()


def test_the_service_is_a_name_of_the_package():
    """`from smok_cloud import Service` works, and nothing else is promised."""
    assert imported_by("from smok_cloud import Service; assert Service") >= {"cryptography"}
    assert imported_by("import smok_cloud\nassert not hasattr(smok_cloud, 'nothing')") == set()
