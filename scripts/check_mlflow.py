#!/usr/bin/env python3
"""Exports a sweep to a real MLflow tracking server (SQLite) and reads it back with MLflow's own
client.

    python scripts/check_mlflow.py target/release/kiln tests/stores/v1 grid

Starts `mlflow server` on a free port of this machine, exports twice, and fails unless every run is
there once, with its settings, its epochs and its state, and the second export changed nothing.
Needs mlflow.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import mlflow


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(url, server, seconds=120):
    for _ in range(seconds * 2):
        assert server.poll() is None, "the server has ended"
        try:
            return urllib.request.urlopen(f"{url}/health", timeout=1).read()
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the server did not start")


def main(kiln, runs, sweep):
    url = f"http://127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/mlflow.db"
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--backend-store-uri",
            store,
            "--port",
            url.rsplit(":", 1)[1],
            "--workers",
            "1",
        ]
        log = open(f"{folder}/log", "w")
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait_for(url, server)
            export = [kiln, "export", sweep, "--runs", runs, "--format", "mlflow", "--to", url]
            said = [
                subprocess.run(export, check=True, capture_output=True, text=True).stdout.strip()
                for _ in range(2)
            ]
            print(*said, sep="\n")
            mlflow.set_tracking_uri(url)
            client = mlflow.MlflowClient()
            experiment = client.get_experiment_by_name(sweep)
            found = {
                run.data.tags["kiln.trial"]: run
                for run in client.search_runs([experiment.experiment_id])
            }
            folders = sorted(path.name for path in pathlib.Path(runs, sweep, "trials").iterdir())
            assert sorted(found) == folders, (sorted(found), folders)
            assert f"0 new, 0 completed, {len(folders)} there already" in said[1], said[1]
            for trial, run in found.items():
                told = json.loads(
                    subprocess.run(
                        [kiln, "show", f"{sweep}/{trial}", "--runs", runs, "--json"],
                        check=True,
                        capture_output=True,
                    ).stdout
                )
                for quantity in ("loss", "rmse"):
                    history = client.get_metric_history(run.info.run_id, f"valid.{quantity}")
                    theirs = {point.step: point.value for point in history}
                    ours = {
                        epoch["epoch"]: epoch["valid"][quantity]
                        for epoch in told["epochs"]
                        if epoch["valid"][quantity] is not None
                    }
                    assert len(history) == len(theirs) and theirs == ours, (
                        trial,
                        quantity,
                        theirs,
                        ours,
                    )
                assert run.data.params["data.window"] == str(
                    told["trial"]["settings"]["data"]["window"]
                )
                assert run.data.tags["kiln.state"] == told["state"]
                print(
                    trial,
                    run.info.status,
                    len(run.data.params),
                    "settings,",
                    len(run.data.metrics),
                    "metrics,",
                    len(told["epochs"]),
                    "epochs",
                )
        finally:
            server.terminate()
            server.wait(30)
    print(f"mlflow {mlflow.__version__}: holds")


if __name__ == "__main__":
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    main(*sys.argv[1:])
