#!/usr/bin/env python3
"""Processor time a training step on one thread, this crate and PyTorch in alternation: `bench_processor_time.py THROUGHPUT_BINARY`.

Run it with a Python that has torch. Unlike the wall clock it stands a busy machine, though caches and memory are still shared. Ours is
the whole process (start-up included) over its steps; PyTorch's is bench_peers.py's loop alone.
"""
import os
import pathlib
import statistics
import subprocess
import sys

binary = sys.argv[1]
peers = pathlib.Path(__file__).with_name("bench_peers.py")
environment = dict(os.environ, RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1")


def ours(simd, batch, hidden, lanes, steps):
    arguments = [binary, "flex", *map(str, (batch, hidden, lanes, steps))]
    process = subprocess.Popen(arguments, env=dict(environment, KILN_SIMD=simd), stdout=subprocess.DEVNULL)
    usage = os.wait4(process.pid, 0)[2]
    return (usage.ru_utime + usage.ru_stime) / (steps + 3) / lanes * 1e3  # 3 steps of warm-up


def theirs(batch, hidden, steps):
    arguments = [sys.executable, peers, *map(str, (batch, hidden, steps))]
    return float(subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout.split()[1])


for batch, hidden, steps, torch_steps, pairs in [(32, 32, 300, 150, 5), (256, 64, 12, 8, 5), (1024, 128, 2, 1, 3)]:
    runs = [
        (ours("avx512", batch, hidden, 1, steps), ours("avx2", batch, hidden, 1, steps), theirs(batch, hidden, torch_steps))
        for _ in range(pairs)
    ]
    avx512, avx2, torch = (statistics.median(times) for times in zip(*runs))
    print(f"({batch}, {hidden}): AVX-512 {avx512:.3f} ms, AVX2 {avx2:.3f} ms, PyTorch {torch:.3f} ms, ratio {torch / avx512:.2f}", flush=True)
