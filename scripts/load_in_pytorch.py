#!/usr/bin/env python3
"""Loads what `kiln export RUN --format safetensors` wrote into PyTorch, and forecasts.

    python scripts/load_in_pytorch.py MODEL.safetensors              the network, its window, its
                                                                     scaling
    python scripts/load_in_pytorch.py MODEL.safetensors ROWS.csv     a forecast for every window of
                                                                     the rows

ROWS.csv has the model's features as columns, in its order, in their own units, with a header; one
row a bar, the earliest first. Forecasts are in the target's unit; quantiles ascend. Needs torch and
safetensors, nothing of Kiln.
"""

import csv
import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn


class Forecaster(nn.Module):
    """What Kiln trained: an LSTM over scaled features, and a linear head on the last step."""

    def __init__(self, about):
        super().__init__()
        outputs = len(about["head"].get("levels", [0]))
        self.lstm = nn.LSTM(
            len(about["features"]), about["hidden_size"], about["num_layers"], batch_first=True
        )
        self.head = nn.Linear(about["hidden_size"], outputs)

    def forward(self, scaled):
        """Scaled windows, [batch, window, features] -> scaled outputs, [batch, outputs]."""
        steps, _ = self.lstm(scaled)
        return self.head(steps[:, -1])


def load(path):
    """The network, and what is known about it: features, window, head, target, scaling."""
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["kiln"])
    network = Forecaster(about)
    network.load_state_dict(load_file(path))
    return network.eval(), about


def scale(windows, about):
    """Windows in the features' own units -> what the network sees; in double precision, then
    single, as Kiln does it.
    """
    columns = about["scaling"]["columns"]
    offset = torch.tensor([column["offset"] for column in columns], dtype=torch.float64)
    unit = torch.tensor([column["unit"] for column in columns], dtype=torch.float64)
    return ((torch.as_tensor(windows, dtype=torch.float64) - offset) / unit).float()


def unscale(outputs, about):
    """Outputs of the network -> forecasts in the target's unit, quantiles in order."""
    target = about["scaling"]["target"]
    return outputs.sort(dim=1).values.double() * target["unit"] + target["offset"]


def forecast(path, windows):
    """Forecasts for windows in the features' own units, [batch, window, features]."""
    network, about = load(path)
    with torch.no_grad():
        return unscale(network(scale(windows, about)), about)


def main(path, rows=None):
    network, about = load(path)
    if rows is None:
        print(network)
        print(
            json.dumps(
                {
                    key: about[key]
                    for key in ("name", "features", "window", "head", "target", "target_unit")
                },
                indent=2,
            )
        )
        return
    with open(rows, newline="") as file:
        reader = csv.DictReader(file)
        table = torch.tensor(
            [[float(row[name]) for name in about["features"]] for row in reader],
            dtype=torch.float64,
        )
    windows = table.unfold(0, about["window"], 1).transpose(1, 2)
    levels = about["head"].get("levels")
    print("row," + (",".join(f"q{level}" for level in levels) if levels else "forecast"))
    for row, values in enumerate(forecast(path, windows).tolist(), about["window"] - 1):
        print(row, *values, sep=",")


if __name__ == "__main__":
    main(*sys.argv[1:])
