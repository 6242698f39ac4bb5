"""Tables and networks of a model, where functions of its program find them."""

from dataclasses import dataclass

from stiffdsl.program.lookups import TablePlaces
from stiffdsl.program.networks import NetworkPlaces


@dataclass(frozen=True)
class ParameterBlocks:
    """Places in a vector of parameters, by the numbers of tables and networks."""

    tables: tuple[TablePlaces, ...] = ()
    networks: tuple[NetworkPlaces, ...] = ()


NO_BLOCKS = ParameterBlocks()
