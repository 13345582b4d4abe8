#!/usr/bin/env python3
"""From training to a service and back, through the binary: `service.py KILN`; about half a minute
on two cores.

Trains two models on the sample, registers both, promotes one, serves it, asks it over HTTP,
promotes the other and rolls back while it serves. Checks that each answer is of the version that it
should be, and that its forecast has the bits that `kiln predict` gives. With a PyTorch that can be
imported (`pip install torch safetensors`) it also loads the exported weights into an `nn.LSTM` and
checks that its forecasts are within 1e-6 of the served ones, in units of the scaled target. Exits
with 1 at the first thing that does not hold.
"""

import gzip
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "experiments" / "data" / "if_1m.csv.gz"
EXPERIMENT = """
name = "minute"
[data]
source = "{sample}"
bar_label = "end"
rows = 4000
features = ["close", "volume", "sma_20", "rsi_14", "macd"]
window = 60
[train]
epochs = 2
[sweep.space]
"train.learning_rate" = [1e-3, 3e-3]
"""
# The sample's last bars: the warm-up of the MACD, a window, and some more.
BARS = 120


class Kiln:
    """The binary, in a folder of its own."""

    def __init__(self, binary, folder):
        self.binary, self.folder = Path(binary).resolve(), folder

    def __call__(self, *arguments, fails=False):
        done = subprocess.run(
            [self.binary, *arguments], cwd=self.folder, capture_output=True, text=True
        )
        if (done.returncode != 0) != fails:
            sys.exit(
                f"kiln {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def serve(self, *arguments):
        """The server's process and its address."""
        log = open(Path(self.folder) / "serve.log", "w")
        process = subprocess.Popen(
            [self.binary, "serve", "--listen", "127.0.0.1:0", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            sys.exit(f"kiln serve said {line!r}\n{(Path(self.folder) / 'serve.log').read_text()}")
        return process, line.split()[-1]


def ask(url, body, content_type="application/json"):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def check(what, holds):
    if not holds:
        sys.exit(f"does not hold: {what}")
    print(f"holds: {what}", flush=True)


def until(what, holds):
    for _ in range(100):
        if holds():
            return check(what, True)
        time.sleep(0.05)
    check(what, False)


def forecast_of(answer):
    (forecast,) = answer["forecasts"]
    return forecast["forecast"]


def torch_forecast(weights, rows):
    """What an nn.LSTM with the exported weights forecasts of a window of features, in the target's
    unit.
    """
    sys.path.insert(0, str(ROOT / "scripts"))
    import load_in_pytorch

    return float(load_in_pytorch.forecast(weights, [rows])[0, 0])


def main():
    with tempfile.TemporaryDirectory() as folder:
        run(Kiln(sys.argv[1], folder), Path(folder))


def run(kiln, folder):
    (folder / "minute.toml").write_text(EXPERIMENT.format(sample=SAMPLE))
    lines = gzip.open(SAMPLE, "rt").read().splitlines()
    header, bars = lines[0], lines[-BARS:]
    (folder / "bars.csv").write_text("\n".join([header, *bars]) + "\n")
    names = header.split(",")
    rows = [dict(zip(names, line.split(","))) for line in bars]
    columns = ("open", "high", "low", "close", "volume")
    body = json.dumps(
        {
            "bars": [
                {"ts": row["ts"], **{name: float(row[name]) for name in columns}} for row in rows
            ]
        }
    ).encode()

    kiln("sweep", "minute.toml", "--plain")
    runs = [run["run"] for run in json.loads(kiln("runs", "minute", "--json"))]
    for run in runs:
        print(kiln("models", "register", run, "--name", "minute").strip())
    before = kiln("models", "list", "minute", "--json")
    kiln("models", "promote", "minute@1", "--require", "trials < 0", fails=True)
    check(
        "a promotion that a rule forbids is refused and changes nothing",
        kiln("models", "list", "minute", "--json") == before,
    )
    kiln("models", "promote", "minute@1")
    kiln("models", "promote", "minute@2", "--to", "candidate")

    def predicted(model):
        forecasts = json.loads(
            kiln("predict", model, "--data", "bars.csv", "--last", "1", "--json")
        )["forecasts"]
        return forecasts[-1]["forecast"]

    expected = {version: predicted(f"minute@{version}") for version in (1, 2)}
    check("the two versions differ", expected[1] != expected[2])
    process, address = kiln.serve("minute")
    url = f"{address}/v1/models/minute/predict"
    try:
        answer = ask(url, body)
        check("the champion answers", answer["version"] == 1)
        check(
            "the served forecast has the bits of `kiln predict`", forecast_of(answer) == expected[1]
        )
        csv = ask(url, (folder / "bars.csv").read_bytes(), "text/csv")
        check("bars as CSV are the same bars", csv["forecasts"] == answer["forecasts"])
        other = ask(f"{address}/v1/models/minute@candidate/predict", body)
        check(
            "a version with an alias can be asked too",
            other["version"] == 2 and forecast_of(other) == expected[2],
        )
        kiln("models", "promote", "minute@2")
        until(
            "the promoted version answers without a restart", lambda: ask(url, body)["version"] == 2
        )
        check("with its own forecast", forecast_of(ask(url, body)) == expected[2])
        kiln("models", "rollback", "minute")
        until("the former version answers after a rollback", lambda: ask(url, body)["version"] == 1)
        check("with its own forecast", forecast_of(ask(url, body)) == expected[1])
        pytorch(kiln, folder, address)
    finally:
        process.send_signal(signal.SIGTERM)
    check("the server ends with 0 on SIGTERM", process.wait(timeout=15) == 0)


def pytorch(kiln, folder, address):
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        print(f"skipped: PyTorch's forecasts ({error})")
        return
    kiln("export", "minute", "--format", "safetensors", "-o", "minute.safetensors")
    card = json.loads((folder / "models/minute/versions/1/model_card.json").read_text())
    window, width = card["settings"]["data"]["window"], len(card["settings"]["data"]["features"])
    # A window of features, in their own units, that the server and PyTorch are both given.
    rows = [
        [
            s["offset"] + s["unit"] * ((7 * t + 3 * f) % 11) / 11
            for f, s in enumerate(card["scaling"]["columns"])
        ]
        for t in range(window)
    ]
    assert all(len(row) == width for row in rows)
    served = forecast_of(
        ask(f"{address}/v1/models/minute/predict", json.dumps({"features": rows}).encode())
    )
    # The target's unit is the range that training saw.
    difference = (
        abs(torch_forecast(folder / "minute.safetensors", rows) - served)
        / card["scaling"]["target"]["unit"]
    )
    check(f"PyTorch with the exported weights is within 1e-6 ({difference:.1e})", difference < 1e-6)


main()
