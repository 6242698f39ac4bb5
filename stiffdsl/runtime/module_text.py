"""What every written module says, whatever its model; `module.py` fills `{path}` and `COUNT`."""

IMPORTS = """\
import difflib
import re
{path}
import jax
import numpy as np

jax.config.update("jax_enable_x64", True)

import jax.numpy as xp  # noqa: E402  (float64 is turned on first)
"""

TABLES = """\
# `index_*` are positions, `values_*` numbers. `rows`, `columns`: where the nonzeros of df/dy stand; `mass`:
# the diagonal of M; `entries`, `is_der`: the variable that an entry of y is, or is the derivative of;
# `solved`: entries of y that equations determine at the initial time.
"""

NAMES = '''\
def _expanded(table):
    """The name, scale and shift of every scalar: `T[2]` stands for `T[1]` and `T[2]`."""
    found = []
    for name, _, scale, shift, *_ in table:
        shape = [int(n) for group in re.findall(r"\\[(.*?)\\]", name) for n in group.split(",")]
        pattern = re.sub(r"\\d+(?=[\\d,]*\\])", "{}", name)
        found += [(pattern.format(*(i + 1 for i in at)), scale, shift) for at in np.ndindex(*shape)]
    return found


_variables, _parameters_by_name = _expanded(VARIABLES), _expanded(PARAMETERS)
names = tuple(name for name, _, _ in _variables)
parameter_names = tuple(name for name, _, _ in _parameters_by_name)
input_names = tuple(name for name, _, _ in _expanded(INPUTS))
states = tuple(
    f"der({names[k]})" if d else names[k] for k, d in zip(entries.tolist(), is_der.tolist(), strict=True)
)
_place = {name: (k, scale, shift) for k, (name, scale, shift) in enumerate(_parameters_by_name)}
'''

PARAMETERS = '''\
def parameters(values=None):
    """The vector p in SI: `values` by name in declared units; the others as declared, or computed."""
    given, mask = xp.zeros(COUNT), xp.zeros(COUNT)
    for name, value in (values or {}).items():
        if name not in _place:
            near = difflib.get_close_matches(name, parameter_names, 1)
            raise KeyError(f"no parameter `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
        k, scale, shift = _place[name]
        given, mask = given.at[k].set(value*scale + shift), mask.at[k].set(1.0)
    return _parameters(given, mask)
'''

INITIAL = '''\
def initial(p, u=None, t=experiment.get("time", (0.0,))[0]):
    """The state y at time t: start values, else guesses, else zero.

    Entries that equations determine are as solved for the default parameters: for others, a first guess.
    """
    by_variable = xp.where(xp.isnan(start(p, u, t)), guess(p, u, t), start(p, u, t))
    y = take(by_variable, entries)
    return xp.where(xp.isnan(solved), xp.where(is_der | xp.isnan(y), 0.0, y), solved)
'''

MATRIX = '''\
def matrix(values):
    """The nonzeros that `jacobian` returns, as a full matrix."""
    return xp.zeros((len(mass), len(mass))).at[rows, columns].set(values)
'''
