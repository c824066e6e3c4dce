"""A batch of readings: what is checked together is refused and kept as one by one."""

import itertools
import math
import sys

import pytest

from smok_core import InvalidValue, open_databases

LARGEST = sys.float_info.max


@pytest.fixture
def pathpoints():
    with open_databases({"device": "pump-17"}) as databases:
        yield databases.pathpoints


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan])
def test_no_company_makes_a_number_finite(pathpoints, wrong):
    """Not one of the other sign, nor one so large that their sum is none."""
    for others in itertools.product([1.0, True, LARGEST, -LARGEST], repeat=2):
        for place in range(3):
            values = [*others[:place], wrong, *others[place:]]
            with pytest.raises(InvalidValue, match="finite"):
                pathpoints.on_new_data_many([("W1", at, value) for at, value in enumerate(values)])
    assert list(pathpoints.get_archive_data("W1")) == []


def test_large_numbers_are_kept_whatever_their_sum(pathpoints):
    """Twice the largest number is infinite; each of the two is not."""
    points = [("W1", at, value) for at, value in enumerate([LARGEST, LARGEST, -LARGEST, True])]
    pathpoints.on_new_data_many(points)
    found = list(pathpoints.get_archive_data("W1"))
    assert found == [point[1:] for point in points]
    assert found[-1][1] is True
