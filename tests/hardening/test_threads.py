"""Threads: every verb at once on one shared network gives what it gives alone, and leaves the network as it was."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from tests.verbs import VERBS, fresh


def test_every_verb_beside_all_others_gives_what_it_gives_alone(image):
    network = fresh()
    network.module.train()
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    alone = {name: verb(network, image, "cpu") for name, verb in VERBS.items()}
    order = random.Random(0).sample(list(VERBS) * 3, 3 * len(VERBS))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: VERBS[name](network, image, "cpu"), order))
    for name, one in zip(order, found, strict=True):
        for variable, values in alone[name].data_vars.items():
            np.testing.assert_array_equal(one[variable], values, err_msg=f"{name}: {variable}")
    assert network.module.training and all(one.requires_grad for one in network.module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.module.state_dict().items())
    assert torch.backends.mkldnn.enabled and torch.is_grad_enabled()
