#!/usr/bin/env python3
"""Checks ONNX files of `kiln export --format onnx` with onnx.checker (full check) and compares
onnxruntime with PyTorch's forecasts.

    python scripts/check_onnx.py                     tests/fixtures/export/*.onnx, each against its
                                                     NAME.json
    python scripts/check_onnx.py MODEL.onnx…         the checker, and a forecast of zeros

Needs onnx, onnxruntime and numpy. Fails when an error is above 1e-5 of the largest number compared.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

FOLDER = pathlib.Path(__file__).parent.parent / "tests/fixtures/export"
TOLERANCE = 1e-5


def opened(path):
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    about = json.loads({entry.key: entry.value for entry in model.metadata_props}["kiln"])
    return session, about


def distance(ours, theirs):
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(numpy.abs(ours - theirs).max() / numpy.abs(theirs).max())


def compare(path):
    session, about = opened(path)
    name, _, units = path.stem.partition(".")
    made = json.loads((FOLDER / f"{name}.json").read_text())
    windows = numpy.array(made["windows"], dtype=numpy.float64)
    if units == "scaled":
        columns = about["scaling"]["columns"]
        offset, unit = (
            numpy.array([column[key] for column in columns]) for key in ("offset", "unit")
        )
        windows, wanted = (
            ((windows - offset) / unit).astype(numpy.float32),
            numpy.array(made["scaled"]),
        )
    else:
        wanted = numpy.array(made["forecasts"])
    (forecast,) = session.run(["forecast"], {"window": windows})
    (alone,) = session.run(["forecast"], {"window": windows[:1]})
    worst = max(distance(forecast, wanted), distance(alone, wanted[:1]))
    if units != "scaled":
        # A price is large against its moves: what counts is the error against the target's own
        # spread.
        target = about["scaling"]["target"]
        worst = max(worst, distance(forecast - target["offset"], wanted - target["offset"]))
    print(f"{path.name}: {len(windows)} windows, largest error {worst:.1e} of the largest number")
    return worst


def main(paths):
    if paths:
        for path in paths:
            session, about = opened(path)
            entry = session.get_inputs()[0]
            kind = numpy.float64 if entry.type == "tensor(double)" else numpy.float32
            window = numpy.zeros((1, about["window"], len(about["features"])), dtype=kind)
            print(
                path,
                entry.type,
                entry.shape,
                "->",
                session.run(["forecast"], {"window": window})[0].tolist(),
            )
        return 0
    worst = max(map(compare, sorted(FOLDER.glob("*.onnx"))))
    print(
        f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}: {'holds' if worst <= TOLERANCE else 'FAILS'} at {TOLERANCE}"
    )
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
