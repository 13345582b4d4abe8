#!/usr/bin/env python3
"""How often the verdict is right: `verdict.py KILN [SEEDS] [--short]`, 20 seeds unless given; about
four minutes on two cores, short one.

On white noise (no forecast is better than another) it should crown a trial in at most 5 % of the
sweeps; on the nonlinear signal, which a linear model cannot see and whose best forecast explains
5 % of the variance, in at least 95 %. Each sweep has 24 trials. Exits with 1 when either is missed.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPERIMENT = """
name = "{name}"
[data]
synthetic = {{ bars = {bars}, signal = "{signal}", beta2 = {beta2}, seed = {seed}, volatility = "constant" }}
features = ["log_return"]
target = {{ kind = "log_return" }}
window = 4
scale = {{ indicator = "standard" }}
[model]
hidden_size = 8
num_layers = 1
dropout = 0.0
[train]
epochs = {epochs}
batch_size = 128
learning_rate = 1e-2
early_stopping = {{ patience = 5 }}
seed = {seed}
[sweep.space]
"model.hidden_size" = [4, 8, 16]
"train.learning_rate" = {{ log = [3e-3, 3e-2], points = 4 }}
"train.optimizer.weight_decay" = [0.0, 1e-3]
"""


def crowned(kiln, folder, name, **settings):
    """The verdict of one sweep."""
    path = Path(folder) / f"{name}.toml"
    path.write_text(EXPERIMENT.format(name=name, **settings))
    runs = ["--runs", str(Path(folder) / "runs")]
    began = time.monotonic()
    subprocess.run(
        [kiln, "sweep", str(path), "--plain", *runs], check=True, stdout=subprocess.DEVNULL
    )
    output = subprocess.run(
        [kiln, "compare", name, "--json", *runs], check=True, stdout=subprocess.PIPE
    ).stdout
    found = json.loads(output)["significance"]
    p = ", ".join(f"{test} p {found[test]:.3f}" for test in ("spa", "diebold_mariano"))
    seconds = time.monotonic() - began
    print(
        f"{name}: crowned {found['crowned']}, {p}, against {found['best_baseline']} ({seconds:.1f} s)",
        flush=True,
    )
    return found["crowned"]


def main():
    short = "--short" in sys.argv
    kiln, *rest = [argument for argument in sys.argv[1:] if argument != "--short"]
    seeds = int(rest[0]) if rest else 20
    noise = dict(
        signal="nonlinear", beta2=0.0, bars=3_000 if short else 12_000, epochs=5 if short else 15
    )
    signal = dict(
        signal="nonlinear", beta2=0.05, bars=12_000 if short else 24_000, epochs=15 if short else 25
    )
    with tempfile.TemporaryDirectory() as folder:
        wrong = sum(
            crowned(kiln, folder, f"noise{seed}", seed=seed, **noise)
            for seed in range(1, seeds + 1)
        )
        found = sum(
            crowned(kiln, folder, f"signal{seed}", seed=seed, **signal)
            for seed in range(1, seeds + 1)
        )
    print(f"white noise: {wrong} of {seeds} sweeps crowned a trial; signal: {found} of {seeds} did")
    if wrong > 0.05 * seeds or found < 0.95 * seeds:
        sys.exit("the verdict is wrong too often")


main()
