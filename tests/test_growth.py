"""The simulation of large sweeps says of the measured sizes what was measured, within a factor of two."""

import json

import pytest

from tests.benchmarks import growth

FOUND = json.loads((growth.HERE / "scale.json").read_text())


@pytest.mark.parametrize("row", growth.measured(FOUND), ids=lambda row: f"{row['part']}-{row['cells']}")
def test_the_simulation_predicts_what_was_measured(row):
    assert row["seconds"] / 2 < growth.predicted(row, growth.Costs.of(FOUND)) < row["seconds"] * 2


def test_a_store_that_is_slow_takes_longer():
    night = growth.Night(1, 200, 20, 4)
    costs = growth.Costs(1.0, 0.002, 0.001)
    fast, slow = (
        growth.Simulation(growth.replace(night, store=one), costs).run() for one in (growth.LOCAL, growth.Store())
    )
    assert fast["seconds"] < slow["seconds"] and fast["requests"] == pytest.approx(slow["requests"], rel=0.1)
