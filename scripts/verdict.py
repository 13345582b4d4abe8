#!/usr/bin/env python3
"""How often the verdict is right: `verdict.py KILN [SEEDS]` (20 unless given), or `verdict.py KILN SEEDS --short` for a tenth of the data.

On white noise (no forecast is better than another) it should crown a trial in at most 5 % of the sweeps; on the nonlinear signal, which
a linear model cannot see and whose best forecast explains 5 % of the variance, in at least 95 %. Each sweep has 24 trials. Exits with
1 when either is missed by more than three standard errors of a share.
"""
import json
import subprocess
import sys
import tempfile
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
"train.weight_decay" = [0.0, 1e-3]
"""


def crowned(kiln, folder, name, **settings):
    """The verdict of one sweep."""
    path = Path(folder) / f"{name}.toml"
    path.write_text(EXPERIMENT.format(name=name, **settings))
    runs = ["--runs", str(Path(folder) / "runs")]
    subprocess.run([kiln, "sweep", str(path), "--plain", *runs], check=True, stdout=subprocess.DEVNULL)
    output = subprocess.run([kiln, "compare", name, "--json", *runs], check=True, stdout=subprocess.PIPE).stdout
    found = json.loads(output)["significance"]
    print(f"{name}: crowned {found['crowned']}, SPA p {found['spa']:.3f}, DM p {found['diebold_mariano']:.3f}, against {found['best_baseline']}", flush=True)
    return found["crowned"]


def main():
    kiln, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    short = "--short" in sys.argv
    noise = dict(signal="nonlinear", beta2=0.0, bars=3_000 if short else 12_000, epochs=5 if short else 15)
    signal = dict(signal="nonlinear", beta2=0.05, bars=12_000 if short else 24_000, epochs=15 if short else 25)
    with tempfile.TemporaryDirectory() as folder:
        wrong = sum(crowned(kiln, folder, f"noise{seed}", seed=seed, **noise) for seed in range(1, seeds + 1))
        found = sum(crowned(kiln, folder, f"signal{seed}", seed=seed, **signal) for seed in range(1, seeds + 1))
    print(f"white noise: {wrong} of {seeds} sweeps crowned a trial; signal: {found} of {seeds} did")
    doubt = 3 * (0.05 * 0.95 / seeds) ** 0.5
    if wrong / seeds > 0.05 + doubt or found / seeds < 0.95 - doubt:
        sys.exit("the verdict is wrong too often")


main()
