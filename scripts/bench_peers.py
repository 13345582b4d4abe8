#!/usr/bin/env python3
"""One PyTorch process that trains one LSTM forecaster on one thread: `bench_peers.py BATCH HIDDEN STEPS [WINDOW FEATURES LAYERS]`.

Prints milliseconds a step, by the wall clock and of processor time: nn.LSTM + Linear + MSE, Adam (the faster of its fused and for-each forms here), denormals flushed, after a
warm-up. The windows lie in one tensor and are indexed, as a careful user would do it; no loss is read back within the loop.
"""
import sys
import time

import torch

batch, hidden, steps = (int(text) for text in sys.argv[1:4])
window, features, layers = (int(text) for text in sys.argv[4:7]) if len(sys.argv) > 4 else (60, 5, 2)
torch.set_num_threads(1)
torch.set_flush_denormal(True)
torch.manual_seed(1)


class Forecaster(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(features, hidden, num_layers=layers, batch_first=True)
        self.head = torch.nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1]).squeeze(1)


series = torch.sin(torch.arange((64 * batch + window) * features, dtype=torch.float32) * 0.37).view(-1, features)
target = torch.sin(torch.arange(len(series), dtype=torch.float32) * 1.85)
windows = series.unfold(0, window, 1).transpose(1, 2)  # a view: [rows, window, features]


def trainer(fused):
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)

    def run(count):
        started, spent = time.perf_counter(), time.process_time()
        for step in range(count):
            rows = torch.randint(0, 64 * batch, (batch,))
            optimizer.zero_grad(set_to_none=True)
            loss = torch.nn.functional.mse_loss(model(windows[rows]), target[rows])
            loss.backward()
            optimizer.step()
        return (time.perf_counter() - started) / count * 1e3, (time.process_time() - spent) / count * 1e3

    return run


runs = [trainer(True), trainer(False)]
warm_up = max(2, steps // 10)
best = min(runs, key=lambda run: (run(2), run(warm_up))[1])
print(*(f"{value:.4f}" for value in best(steps)))
