#!/usr/bin/env python3
"""What PyTorch forecasts with the weights in tests/fixtures/export: NAME.safetensors -> NAME.json
(windows, scaled outputs, forecasts).

python scripts/export_fixtures.py        needs torch and safetensors; run after KILN_UPDATE=1 cargo
test --lib export::tests
"""

import json
import pathlib
import random

import torch

from load_in_pytorch import load, scale, unscale

FOLDER = pathlib.Path(__file__).parent.parent / "tests/fixtures/export"


def windows(about, numbers, count=24):
    """Windows like what the scaling was fitted on, in the features' own units."""
    columns = about["scaling"]["columns"]
    row = lambda: [
        numbers.gauss(0.2, 0.8) * column["unit"] + column["offset"] for column in columns
    ]
    return [[row() for _ in range(about["window"])] for _ in range(count)]


def main():
    torch.set_num_threads(1)
    for path in sorted(FOLDER.glob("*.safetensors")):
        network, about = load(path)
        own = windows(about, random.Random(path.stem))
        with torch.no_grad():
            outputs = network(scale(own, about))
        made = {
            "windows": own,
            "scaled": outputs.double().tolist(),
            "forecasts": unscale(outputs, about).tolist(),
        }
        path.with_suffix(".json").write_text(json.dumps(made) + "\n")
        print(path.stem, "largest output", outputs.abs().max().item())


if __name__ == "__main__":
    main()
