"""Writes crates/experiment/src/fixtures/search.json: log densities of Optuna's Parzen estimator,
which trials its TPE takes for good, and which its pruners end; the oracle of
crates/experiment/src/search.

Run once, from the repository's root, with optuna 5.0.0: python scripts/search_fixtures.py
"""

import json

import numpy
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe import parzen_estimator, sampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.trial import TrialState, create_trial


class StableNumpy:
    """numpy, whose argsort keeps the order of equal values: else which of two equal observations
    gets which width would be up to the processor."""

    def __getattr__(self, name):
        return getattr(numpy, name)

    @staticmethod
    def argsort(values, **others):
        return numpy.argsort(values, kind="stable")


parzen_estimator.np = StableNumpy()

# As TPESampler's defaults.
PARAMETERS = _ParzenEstimatorParameters(
    prior_weight=1.0,
    consider_magic_clip=True,
    consider_endpoints=False,
    weights=sampler.default_weights,
    multivariate=True,
)
AXES = {
    "float": {"kind": "float", "low": -2.0, "high": 3.0},
    "rate": {"kind": "float", "low": 1e-5, "high": 1e-1, "log": True},
    "share": {"kind": "stepped", "low": 0.0, "high": 0.5, "step": 0.1},
    "layers": {"kind": "stepped", "low": 1.0, "high": 4.0, "step": 1.0},
    "hidden": {"kind": "stepped", "low": 8.0, "high": 256.0, "step": 1.0, "log": True},
    "loss": {"kind": "choice", "values": 3},
}
SPACES = [[name] for name in AXES] + [list(AXES), ["float", "rate"]]
COUNTS = [0, 1, 2, 5, 24, 25, 26, 60]


def distribution(axis):
    if axis["kind"] == "choice":
        return CategoricalDistribution(list(range(axis["values"])))
    if axis["kind"] == "float":
        return FloatDistribution(axis["low"], axis["high"], log=axis.get("log", False))
    if axis["step"] == 1.0:
        return IntDistribution(int(axis["low"]), int(axis["high"]), log=axis.get("log", False))
    return FloatDistribution(axis["low"], axis["high"], step=axis["step"])


def drawn(axis, rng):
    """A legal value; near one end of the range more often than not, as in a real history."""
    share = rng.beta(0.8, 2.5)
    if axis["kind"] == "choice":
        return float(rng.integers(axis["values"]))
    low, high = axis["low"], axis["high"]
    if axis.get("log"):
        value = float(numpy.exp(numpy.log(low) + share * (numpy.log(high) - numpy.log(low))))
    else:
        value = float(low + share * (high - low))
    if axis["kind"] == "stepped":
        value = float(low + round((value - low) / axis["step"]) * axis["step"])
    return min(max(value, low), high)


def densities(names, count, rng):
    axes = [AXES[name] for name in names]
    observed = [[drawn(axis, rng) for axis in axes] for _ in range(count)]
    at = [[drawn(axis, rng) for axis in axes] for _ in range(12)]
    ends = [
        [float(axis.get(end, 0 if end == "low" else axis.get("values", 1) - 1)) for axis in axes]
        for end in ("low", "high")
    ]
    at += ends
    columns = lambda rows: {
        name: numpy.array([row[place] for row in rows], dtype=float)
        for place, name in enumerate(names)
    }
    estimator = _ParzenEstimator(
        columns(observed), {name: distribution(AXES[name]) for name in names}, PARAMETERS
    )
    return {
        "axes": axes,
        "observed": observed,
        "at": at,
        "log_density": estimator.log_pdf(columns(at)).tolist(),
    }


def splits(finished, pruned, running, rng):
    """Trials in a random order, and those that are good."""
    kinds = ["finished"] * finished + ["pruned"] * pruned + ["running"] * running
    rng.shuffle(kinds)
    study = optuna.create_study()
    states = {
        "finished": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "running": TrialState.RUNNING,
    }
    trials, frozen = [], []
    for number, kind in enumerate(kinds):
        epoch, loss = int(rng.integers(1, 6)), float(numpy.round(rng.normal(), 1))
        trial = create_trial(
            state=states[kind],
            value=loss if kind == "finished" else None,
            intermediate_values={epoch: loss} if kind == "pruned" else {},
        )
        trial.number = number
        frozen.append(trial)
        trials.append([kind, epoch, loss])
    ended = finished + pruned
    good, _ = sampler._split_trials(study, frozen, sampler.default_gamma(ended))
    return {"trials": trials, "good": [trial.number for trial in good]}


def pruned(keep, warmup_trials, finished, epochs, rng):
    """A trial beside finished ones, and after which epochs it would be ended. Losses never rise, so
    that the best so far is the last."""

    def curve():
        return numpy.round(numpy.minimum.accumulate(rng.normal(size=epochs)), 3).tolist()

    study = optuna.create_study()
    curves = [curve() for _ in range(finished)]
    for values in curves:
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                value=values[-1],
                intermediate_values=dict(enumerate(values, 1)),
            )
        )
    pruner = optuna.pruners.PercentilePruner(100 * keep, n_startup_trials=warmup_trials)
    own, ends = curve(), []
    for epoch in range(1, epochs + 1):
        trial = create_trial(
            state=TrialState.RUNNING,
            intermediate_values=dict(enumerate(own[:epoch], 1)),
        )
        ends.append(bool(pruner.prune(study, trial)))
    return {
        "keep": keep,
        "warmup_trials": warmup_trials,
        "finished": curves,
        "curve": own,
        "pruned": ends,
    }


def main():
    rng = numpy.random.default_rng(20261201)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mixes = [(0, 0, 3), (1, 0, 0), (10, 0, 2), (11, 5, 4), (0, 12, 1), (2, 40, 6), (60, 60, 8)]
    fixture = {
        "optuna": optuna.__version__,
        "densities": [densities(names, count, rng) for names in SPACES for count in COUNTS],
        "splits": [splits(*mix, rng) for mix in [*mixes, (300, 0, 5)]],
        "pruned": [
            pruned(keep, warmup_trials, finished, 8, rng)
            for keep in (0.25, 0.5, 0.9)
            for warmup_trials, finished in (
                (1, 1),
                (5, 4),
                (5, 5),
                (5, 12),
                (1, 33),
                (0, 0),
                (3, 8),
            )
        ],
    }
    with open("crates/experiment/src/fixtures/search.json", "w") as file:
        json.dump(fixture, file)
        file.write("\n")


main()
