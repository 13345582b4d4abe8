"""Writes crates/evidence/src/fixtures/oracle.json: samples, and what other programs say of them;
the oracle of crates/evidence/src/oracle.rs.

Run once, from the repository's root, with numpy 2.4, scipy 1.17, statsmodels 0.15, arch 8.0 and
dieboldmariano 1.1: python scripts/evidence_fixtures.py
"""

import itertools
import json
import os

import numpy as np
from arch.bootstrap import MCS, SPA, StationaryBootstrap, optimal_block_length
from dieboldmariano import dm_test
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.tsa.stattools import acovf

FILE = os.path.join("crates", "evidence", "src", "fixtures", "oracle.json")
RESAMPLES = 10_000
RANDOM = np.random.default_rng(20260611)


def autoregression(coefficient, length):
    """Rounded, so that the file is small and holds the numbers exactly."""
    noise = RANDOM.standard_normal(length + 50)
    series = np.zeros(length + 50)
    for t in range(1, length + 50):
        series[t] = coefficient * series[t - 1] + noise[t]
    return np.round(series[50:], 3)


def distributions():
    z = [-8.0, -3.2, -1.0, -0.1, 0.0, 0.3, 1.96, 5.0]
    p = [1e-10, 1e-4, 0.025, 0.3, 0.5, 0.77, 0.95, 0.9999]
    freedom = [1.0, 2.0, 4.5, 9.0, 30.0, 249.0, 5000.0]
    return {
        "z": z,
        "p": p,
        "freedom": freedom,
        "normal_cdf": stats.norm.cdf(z).tolist(),
        "normal_quantile": stats.norm.ppf(p).tolist(),
        "student_t_cdf": [stats.t.cdf(z, f).tolist() for f in freedom],
        "student_t_quantile": [stats.t.ppf(p, f).tolist() for f in freedom],
    }


def points():
    target = np.round(autoregression(0.5, 60) + 0.4, 2)
    forecast = np.round(0.6 * target + 0.5 * RANDOM.standard_normal(60), 1)
    days = np.arange(60) // 8
    training = autoregression(0.7, 100)
    scale = lambda season: np.abs(training[season:] - training[:-season]).mean()
    error = np.abs(target - forecast)
    right = int(np.sum(np.sign(target) * np.sign(forecast) > 0))
    moving = int(np.sum((target != 0) & (forecast != 0)))
    variance, proxy = np.exp(forecast), np.exp(target)
    pearson = [stats.pearsonr(target[days == d], forecast[days == d]).statistic for d in range(8)]
    spearman = [stats.spearmanr(target[days == d], forecast[days == d]).statistic for d in range(8)]
    summary = lambda c: [np.mean(c), np.std(c, ddof=1), np.mean(c) / np.std(c, ddof=1)]
    q = 0.2 - 0.3 * forecast
    return {
        "target": target.tolist(),
        "forecast": forecast.tolist(),
        "days": days.tolist(),
        "training": training.tolist(),
        "mase": [error.mean() / scale(s) for s in (1, 5)],
        "r2_mean": 1 - np.sum((target - forecast) ** 2) / np.sum((target - training.mean()) ** 2),
        "r2_zero": 1 - np.sum((target - forecast) ** 2) / np.sum(target**2),
        "direction": [right, moving, *proportion_confint(right, moving, 0.1, "wilson")],
        "wilson": [
            [k, n, *proportion_confint(k, n, 0.05, "wilson")]
            for k, n in ((0, 7), (7, 7), (3, 11), (520, 1000))
        ],
        "pearson": summary(pearson),
        "spearman": summary(spearman),
        "ranks": stats.rankdata(forecast).tolist(),
        "pinball": [
            float(np.mean(np.where(target >= q, l * (target - q), (1 - l) * (q - target))))
            for l in (0.1, 0.5, 0.9)
        ],
        "qlike": float(np.mean(proxy / variance - np.log(proxy / variance) - 1)),
        "conformal": [
            float(np.sort(error)[int(np.ceil(61 * (1 - a) - 1e-9)) - 1]) for a in (0.05, 0.1, 0.5)
        ],
        "skewness": float(stats.skew(target)),
        "kurtosis": float(stats.kurtosis(target, fisher=False)),
    }


def diebold_mariano():
    target = autoregression(0.6, 80)
    first = np.round(0.5 * target + RANDOM.standard_normal(80) * 0.6, 3)
    second = np.round(0.4 * target + RANDOM.standard_normal(80) * 0.7, 3)
    cases = []
    for horizon, power in itertools.product((1, 3, 8), (1, 2)):
        loss = lambda y, f: abs(y - f) ** power
        two, one = (
            dm_test(target, first, second, loss=loss, h=horizon, one_sided=side)
            for side in (False, True)
        )
        cases.append(
            {
                "horizon": horizon,
                "power": power,
                "statistic": two[0],
                "two_sided": two[1],
                "first_better": one[1],
            }
        )
    # A differential whose rectangular variance is negative: what the library says when told to take
    # Bartlett's weights.
    differential = np.round(np.tile([1.2, -0.9], 21) + RANDOM.standard_normal(42) * 0.05, 3)
    rectangular = acovf(differential, nlag=1) @ [1, 2]
    assert rectangular < 0
    statistic, p = dm_test(
        [0.0] * 42,
        differential,
        [0.0] * 42,
        loss=lambda y, f: f,
        h=2,
        variance_estimator="bartlett",
    )
    p_values = [0.01, 0.04, 0.03, 0.005, 0.5, 0.03]
    return {
        "target": target.tolist(),
        "first": first.tolist(),
        "second": second.tolist(),
        "cases": cases,
        "bartlett": {
            "differential": differential.tolist(),
            "horizon": 2,
            "statistic": statistic,
            "two_sided": p,
        },
        "p": p_values,
        "holm": multipletests(p_values, method="holm")[1].tolist(),
    }


def bootstrap():
    series = [
        autoregression(c, n)
        for c, n in ((0.0, 200), (0.3, 150), (0.7, 300), (0.95, 120), (-0.6, 100), (0.9, 40))
    ]
    lengths = [float(optimal_block_length(x)["stationary"].iloc[0]) for x in series]
    sharpe = lambda x: x.mean() / x.std(ddof=1)
    sample = series[2][:150] + 0.3
    other = autoregression(0.2, 150)
    one = StationaryBootstrap(6.0, sample, seed=1).conf_int(
        sharpe, reps=RESAMPLES, method="percentile", size=0.9
    )
    two = StationaryBootstrap(6.0, sample, other, seed=2).conf_int(
        lambda x, y: np.corrcoef(x, y)[0, 1], reps=RESAMPLES, method="percentile", size=0.9
    )
    return {
        "series": [x.tolist() for x in series],
        "optimal": lengths,
        "sample": sample.tolist(),
        "other": other.tolist(),
        "length": 6.0,
        "sharpe": one.flatten().tolist(),
        "correlation": two.flatten().tolist(),
    }


def comparisons():
    rows, n, length = 7, 160, 5.0
    common = RANDOM.standard_normal(n)
    levels = [0.0, 0.04, 0.1, 0.16, 0.25, 0.4, 0.02]
    losses = np.array(
        [autoregression(0.3, n) * (0.5 + 0.1 * k) + common + levels[k] for k in range(rows)]
    ).round(3)
    sets = {}
    for method in ("max", "R"):
        found = MCS(
            losses.T,
            0.1,
            reps=RESAMPLES,
            block_size=length,
            method=method,
            bootstrap="stationary",
            seed=3,
        )
        found.compute()
        sets[method] = {
            "p": found.pvalues.Pvalue.sort_index().tolist(),
            "order": found.pvalues.index.tolist(),
        }
    tests = []
    for benchmark in (3, 5, 0):
        rest = [k for k in range(rows) if k != benchmark]
        differential = losses[benchmark] - losses[rest]
        centred = differential - differential.mean(1, keepdims=True)
        variance = (centred**2).mean(1)
        for i in range(1, n):
            r = 1 - 1 / length
            kappa = (1 - i / n) * r**i + i / n * r ** (n - i)
            variance = variance + 2 * kappa * (centred[:, :-i] * centred[:, i:]).sum(1) / n
        # arch 8.0 computes the variances and does not divide by them, so it is given differentials
        # that are divided already.
        studentised = differential / np.sqrt(variance)[:, None]
        spa = SPA(
            np.zeros(n),
            -studentised.T,
            block_size=length,
            reps=RESAMPLES,
            bootstrap="stationary",
            seed=4,
        )
        spa.compute()
        tests.append(
            {
                "benchmark": benchmark,
                "statistic": float(np.sqrt(n) * studentised.mean(1).max()),
                "p": [float(spa.pvalues[name]) for name in ("lower", "consistent", "upper")],
            }
        )
    return {"losses": losses.tolist(), "length": length, "mcs": sets, "spa": tests}


def overfitting():
    """Combinatorially symmetric cross-validation as written in the paper, by submatrices."""
    rows, blocks, length = 6, 6, 8
    returns = np.array([autoregression(0.1, blocks * length) + 0.1 * k for k in range(rows)]).round(
        2
    )
    returns[4] = returns[2]
    parts = np.split(returns, blocks, axis=1)
    results = {}
    for name, performance in (
        ("mean", lambda x: x.mean(1)),
        ("sharpe", lambda x: x.mean(1) / x.std(1, ddof=1)),
    ):
        logits = []
        for chosen in itertools.combinations(range(blocks), blocks // 2):
            inside = performance(np.hstack([parts[b] for b in chosen]))
            outside = performance(np.hstack([parts[b] for b in range(blocks) if b not in chosen]))
            ranks = stats.rankdata(np.round(outside, 12))
            best = np.isclose(inside, inside.max(), rtol=0, atol=1e-12)
            share = ranks[best].mean() / (rows + 1)
            logits.append(float(np.log(share / (1 - share))))
        results[name] = {
            "logits": sorted(logits),
            "probability": float(np.mean(np.array(logits) <= 1e-12)),
        }
    correlations = np.corrcoef(returns)
    average = correlations[np.triu_indices(rows, 1)].mean()
    return {
        "returns": returns.tolist(),
        "blocks": blocks,
        **results,
        "average_correlation_trials": float(average + (1 - average) * rows),
    }


def sharpe():
    euler = 0.5772156649015329
    maximum = lambda n: float(
        (1 - euler) * stats.norm.ppf(1 - 1 / n) + euler * stats.norm.ppf(1 - 1 / (n * np.e))
    )
    returns = np.round(0.1 + RANDOM.standard_t(4, 90), 2)
    ratio = returns.mean() / returns.std(ddof=1)
    variance = (
        1 - stats.skew(returns) * ratio + (stats.kurtosis(returns, fisher=False) - 1) / 4 * ratio**2
    )
    probability = lambda benchmark: float(
        stats.norm.cdf((ratio - benchmark) * np.sqrt(89) / np.sqrt(variance))
    )
    return {
        "returns": returns.tolist(),
        "trials": [2.0, 7.5, 46.0, 100.0, 100000.0],
        "expected_maximum": [maximum(n) for n in (2.0, 7.5, 46.0, 100.0, 100000.0)],
        "probabilistic": [probability(0.0), probability(0.05)],
        "deflated": probability(np.sqrt(0.003) * maximum(46.0)),
        "minimum_length": float(1 + variance * (stats.norm.ppf(0.95) / (ratio + 0.2)) ** 2),
    }


def main():
    oracle = {
        "distributions": distributions(),
        "points": points(),
        "diebold_mariano": diebold_mariano(),
        "bootstrap": bootstrap(),
        "comparisons": comparisons(),
        "overfitting": overfitting(),
        "sharpe": sharpe(),
    }
    os.makedirs(os.path.dirname(FILE), exist_ok=True)
    lines = [
        f"{json.dumps(name)}: {json.dumps(part, separators=(',', ':'))}"
        for name, part in oracle.items()
    ]
    with open(FILE, "w") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
