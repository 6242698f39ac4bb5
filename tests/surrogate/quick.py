"""Methods whose networks are small or trained little, for tests of what is around them."""

from dataclasses import replace
from functools import partial

from stiffdsl.surrogate.methods.driven.method import NETWORK
from stiffdsl.surrogate.methods.expansion.fit import network
from stiffdsl.surrogate.methods.expansion.method import NEURAL

SMALL = replace(NETWORK, width=16, steps=600)


def neural(most: int):
    """The method `neural` with so many steps at the most."""
    return replace(NEURAL, regression=partial(network, most=most))
