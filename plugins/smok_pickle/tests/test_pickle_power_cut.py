"""A power cut costs what the durability says (G3): on a real ext4, cut while a process writes."""

from __future__ import annotations

import logging
import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from smok_core import open_databases
from tests.power import Cut, Writer, make_disk, mounted

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

CUTS = 20 if os.environ.get("SMOK_LONG") else 3
#: Durability and records a second; 0 is as fast as it can. What a timer writes shows when few come.
CASES = [("power-loss", 0), ("crash", 0), ("buffered", 0), ("crash", 4)]
CASES += [("power-loss", 4), ("buffered", 4)] if os.environ.get("SMOK_LONG") else []
#: Seconds of the youngest record that may be lost, by role. See `durability.md`.
PROMISED = {
    "power-loss": {"pathpoints": 0.0, "metadata": 0.0},
    "crash": {"pathpoints": 1.0, "metadata": 1.0},
    "buffered": {"pathpoints": 1.4, "metadata": 1.0},
}
#: What a sync and a thread's turn may take on a machine that does much else at the same time.
SLACK = 2.0


@pytest.mark.parametrize(("durability", "rate"), CASES)
def test_a_power_cut_costs_no_more_than_is_promised(
    durability: str, rate: float, tmp_path: Path
) -> None:
    """What returned before that is there, the rest is a whole number of calls; nothing is torn."""
    disk = tmp_path / "disk.img"
    make_disk(disk)
    with mounted(disk) as place:
        writer = Writer(place / "var" / "smok.db", durability, rate)
        try:
            writer.wait_for_first()
            time.sleep(3.5)  # longer than anything that may be lost
            cuts = [_cut(writer, disk, tmp_path / f"cut-{number}.img") for number in range(CUTS)]
        finally:
            writer.stop()
    ages = [_age_of_lost(cut, durability) for cut in cuts]
    for role, promised in PROMISED[durability].items():
        oldest = max(age[role] for age in ages)
        logger.info(
            "%s, rate %s, %s: %d cuts, oldest lost %.3f s", durability, rate, role, CUTS, oldest
        )
        assert oldest <= (promised + SLACK if promised else 0)


def _cut(writer: Writer, disk: Path, image: Path) -> Cut:
    time.sleep(random.uniform(0.7, 2.5))
    return writer.cut(disk, image)


def _age_of_lost(cut: Cut, durability: str) -> dict[str, float]:
    """Open what the cut left, and give the age of the oldest lost record of each role."""
    with mounted(cut.image) as place:
        store = {"backend": "pickle", "path": str(place / "var" / "smok.db"),
                 "durability": durability}  # fmt: skip
        config = {"device": "d", "stores": {"s": store}, "roles": {"default": "s"}}
        with open_databases(config) as databases:
            assert not databases.health()["s"].warnings
            numbers = [value for _, value in databases.pathpoints.get_archive_data("p")]
            assert numbers == list(range(1, len(numbers) + 1))
            last = int(databases.metadata.get_plain("m"))
    kept = {"pathpoints": len(numbers), "metadata": last}
    return {role: _age(cut, role, number) for role, number in kept.items()}


def _age(cut: Cut, role: str, kept: int) -> float:
    lost = [moment for number, moment in cut.told[role] if number > kept]
    return cut.moment - min(lost) if lost else 0.0
