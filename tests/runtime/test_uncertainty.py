"""What is not certain: distributions as declared, draws by closed forms of their moments, and runs of what is drawn."""

import numpy as np
import pytest
from scipy import stats

import stiffdsl as sd
from stiffdsl.diagnostics import ModelError

TEXT = """\
model Subject
  param V = 20 [L] ~ lognormal(log(20), 0.2) in 10..40 "volume"
  param T = 20 [degC] ~ normal(20, 2)
  param f = 0.9 ~ normal(0.9, 0.2) in 0.84..1
  param lag [min] ~ uniform(5, 15)
  param k = 1 in 0.5..2
  param omega = 0.3 ~ uniform(0.1, 0.5)
  param w = 2*omega
  param Omega[2, 2] = {{0.09, 0.03}, {0.03, 0.04}}
  random eta ~ normal(0, w)
  random b[2] ~ normal({1, 2}, Omega)
  random s[3] [mL] ~ normal(0, {1, 2, 3}) per occasion
  random m ~ lognormal(log(2), 0.1)
  covariate WT = 70 [kg]
  param CL = k*exp(eta)*(WT/70 [kg])^0.75
  part pump : Pump(speed = 3)
  part pumps[2] : Pump
  var x start 1
  var y
  dose x
  observe conc [mg/L] ~ normal(y, sqrt(0.1^2 + x^2)) "plasma"
equations
  der(x) = -CL*x*b[1]
  y = 2*x
end

model Pump
  param speed = 2 ~ normal(2, 0.1)
  param size = 1 ~ normal(speed, 0.01)
end
"""


@pytest.fixture(scope="module")
def model():
    return sd.loads(TEXT, model="Subject")


def test_what_is_declared_is_there(model):
    rows = {d.name: d for d in model.distributions}
    assert list(rows) == [
        "V", "T", "f", "lag", "omega", "eta", "b", "s", "m", "pump.size", "pumps.speed", "pumps.size",
    ]  # fmt: skip
    assert rows["V"].arguments == pytest.approx((np.log(20), 0.2))
    assert (rows["V"].unit, rows["V"].range, rows["V"].doc) == ("L", (10.0, 40.0), "volume")
    assert rows["T"].arguments == pytest.approx((20, 2))
    assert rows["eta"].arguments == pytest.approx((0, 0.6))
    assert (rows["eta"].kind, rows["f"].kind, rows["s"].per) == ("random", "param", "occasion")
    assert rows["b"].arguments[1].tolist() == [[0.09, 0.03], [0.03, 0.04]]
    assert rows["s"].arguments[1] == pytest.approx([1, 2, 3])
    assert rows["pump.size"].arguments == pytest.approx((3, 0.01))
    (observed,) = model.observations
    assert (observed.name, observed.unit, observed.distribution, observed.doc) == (
        "conc",
        "mg/L",
        "normal",
        "plasma",
    )
    assert observed.text == "normal(y, sqrt(0.1^2 + x^2))"
    assert [(row.name, row.value, row.unit) for row in model.covariates] == [("WT", 70.0, "kg")]
    assert model.doses == ("x",)


def test_what_is_random_is_a_parameter_at_its_median(model):
    values = {row.name: row.value for row in model.parameters}
    assert values["eta"] == 0
    assert values["m"] == pytest.approx(2)
    assert values["lag"] == pytest.approx(10)
    assert [values["b[1]"], values["b[2]"]] == [1, 2]
    end = model.simulate(time=(0, 1), params={"eta": 0.2, "WT": 80, "b": [1.5, 0]}, rtol=1e-9)["x"][-1]
    assert end == pytest.approx(np.exp(-np.exp(0.2) * (80 / 70) ** 0.75 * 1.5), rel=1e-6)


def test_draws_have_the_distributions_that_are_declared(model):
    """By the Kolmogorov-Smirnov test against SciPy's distributions, or by moments."""
    count = 4000
    d = model.draw(count, seed=3)
    assert {n: v.shape[1:] for n, v in d.items() if v.ndim > 1} == {
        "b": (2,), "s": (3,), "pumps.speed": (2,), "pumps.size": (2,),
    }  # fmt: skip
    low, high = (np.log(x / 20) / 0.2 for x in (10, 40))
    for values, law in (
        (np.log(d["V"] / 20) / 0.2, stats.truncnorm(low, high)),
        (d["T"], stats.norm(20, 2)),
        (d["f"], stats.truncnorm(-0.3, 0.5, 0.9, 0.2)),
        (d["lag"], stats.uniform(5, 10)),
        (d["k"], stats.uniform(0.5, 1.5)),
        (d["eta"] / (2 * d["omega"]), stats.norm()),
        (d["s"][:, 2], stats.norm(0, 3)),
        (d["m"], stats.lognorm(0.1, scale=2)),
        (d["pumps.size"][:, 1] - d["pumps.speed"][:, 1], stats.norm(0, 0.01)),
    ):
        assert stats.kstest(values, law.cdf).pvalue > 1e-3
    assert np.corrcoef(np.abs(d["eta"]), d["omega"])[0, 1] > 0.2
    assert np.cov(d["b"].T) == pytest.approx(np.array([[0.09, 0.03], [0.03, 0.04]]), abs=0.006)
    assert d["b"].mean(axis=0) == pytest.approx([1, 2], abs=0.02)
    assert abs(np.corrcoef(d["V"], d["T"])[0, 1]) < 0.06


def test_draws_follow_from_the_seed_and_from_what_is_given(model):
    one, two, other = (model.draw(50, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not np.array_equal(one["eta"], other["eta"])
    given = model.draw(5000, params={"omega": 0.05}, names=("eta",))
    assert list(given) == ["eta"]
    assert given["eta"].std() == pytest.approx(0.1, rel=0.05)
    assert "omega" not in model.draw(2, params={"omega": 0.05})
    with pytest.raises(KeyError, match="did you mean `eta`"):
        model.draw(2, names=("etta",))
    with pytest.raises(ValueError, match="how many"):
        model.draw(0)


def test_an_ensemble_of_draws_is_the_runs_one_by_one(model):
    draws = model.draw(6, seed=2)
    batch = model.ensemble(draws, saveat=[1.0], outputs=("x",), rtol=1e-9)
    rates = draws["k"] * np.exp(draws["eta"]) * draws["b"][:, 0]
    assert batch.values[:, 0, 0] == pytest.approx(np.exp(-rates), rel=1e-6)


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ("param s = -1\n  param k = 1 ~ normal(1, s)", "the spread of `k` is negative"),
        ("param k = 1 ~ uniform(1, 2) in 3..4", "nowhere inside of its range"),
        ("param O[2, 2] = {{1, 2}, {2, 1}}\n  random k[2] ~ normal(0, O)", "not positive definite"),
        ("param O[2, 2] = {{1, 0.5}, {0, 1}}\n  random k[2] ~ normal(0, O)", "not symmetric"),
        ("param k = 1 ~ normal(j, 1)\n  param j = 1 ~ normal(k, 1)", "depend on one another"),
        ("param k = 1", "nothing to draw"),
    ],
)
def test_a_draw_that_makes_no_sense_is_told(declared, reason):
    text = f"model M\n  {declared}\n  var x start 1\nequations\n  der(x) = -x\nend\n"
    with pytest.raises(ValueError, match=reason):
        sd.loads(text).draw(3)


def test_a_dose_of_what_is_computed_is_a_diagnostic():
    text = (
        "model M\n  var x start 1\n  var y\n  dose x, y\nequations\n  der(x) = -x\n  y = 2*x + sin(x)\nend\n"
    )
    with pytest.raises(ModelError, match="`y` cannot be dosed: it is no state"):
        sd.loads(text)


def test_a_value_from_outside_takes_the_place_of_a_distribution():
    text = "model A\n  param k = 1 ~ normal(1, 0.1)\n  var x start 1\nequations\n  der(x) = -k*x\nend\n"
    assert [d.name for d in sd.loads(text).distributions] == ["k"]
    assert sd.loads(text + "model B extends A(k = 2)\nend\n").distributions == ()


def test_words_of_what_is_not_certain_are_names_elsewhere():
    text = (
        "model M\n  param random = 1\n  param per = 2\n  var dose start 1\n  var observe\nequations\n"
        "  der(dose) = -random*dose\n  observe = per*dose\nend\n"
    )
    assert sd.loads(text).simulate(time=(0, 1))["observe"][0] == 2
