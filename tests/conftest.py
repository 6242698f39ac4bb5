"""Float64 for every test: the solvers are tested as they are used."""

from stiffdsl.runtime.session import prepare

prepare()
