"""Writes tests/fixtures/talib/*.csv: prices and TA-Lib's indicators over them, the oracle of
crates/market/src/feature.rs.

Run once, from the repository's root, with TA-Lib 0.8.2 and numpy: python scripts/talib_fixtures.py
SAMPLE.csv.gz
"""

import csv
import gzip
import os
import sys

import numpy as np
import talib

ROWS = 300
FOLDER = os.path.join("tests", "fixtures", "talib")


def ranges(close, seed):
    """Highs and lows around closes: with bars that gap up, gap down, lie inside the bar before, and
    have no range at all.
    """
    random = np.random.default_rng(seed)
    move = np.mean(np.abs(np.diff(close)))
    up, down = np.abs(random.standard_normal((2, len(close)))) * np.where(
        np.arange(len(close)) % 5 == 0, 0.0, move
    )
    return close + up, close - down


def prices(sample):
    random = np.random.default_rng(20240102)
    steps = random.standard_normal(ROWS)
    walk = np.round(100.0 + np.cumsum(steps) * 0.5, 2)
    # Flat, a few moves, flat again for long enough that Wilder's averages fade to nothing.
    flat = np.full(ROWS, 50.0)
    flat[120:130] = [50.5, 50.25, 51.0, 51.5, 51.25, 50.75, 51.5, 52.0, 51.0, 51.25]
    flat[130:] = 51.25
    huge = 1e6 + 1e-3 * steps
    trend = 10.0 + 0.25 * np.arange(ROWS)
    with gzip.open(sample, "rt") as file:
        rows = list(csv.DictReader(file))
    real = [
        np.array([float(row[name]) for row in rows[10_000:10_500]])
        for name in ("close", "high", "low")
    ]
    made = {"walk": walk, "flat": flat, "huge": huge, "trend": trend}
    bars = {name: (close, *ranges(close, seed)) for seed, (name, close) in enumerate(made.items())}
    # Nothing moves here, highs and lows included: a true range of 0.
    bars["flat"] = (
        flat,
        np.where(flat == 51.25, 51.25, flat + 0.5),
        np.where(flat == 51.25, 51.25, flat - 0.25),
    )
    return {**bars, "sample": real}


def indicators(close, high, low):
    line, signal, hist = talib.MACD(close, 12, 26, 9)
    short, _, short_hist = talib.MACD(close, 5, 8, 3)
    return {
        "sma_2": talib.SMA(close, 2),
        "sma_20": talib.SMA(close, 20),
        "ema_2": talib.EMA(close, 2),
        "ema_20": talib.EMA(close, 20),
        "rsi_2": talib.RSI(close, 2),
        "rsi_14": talib.RSI(close, 14),
        "macd": line,
        "macd_signal": signal,
        "macd_hist": hist,
        "macd_5_8_3": short,
        "macd_hist_5_8_3": short_hist,
        "atr_1": talib.ATR(high, low, close, 1),
        "atr_2": talib.ATR(high, low, close, 2),
        "atr_14": talib.ATR(high, low, close, 14),
    }


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, (close, high, low) in prices(sys.argv[1]).items():
        columns = indicators(close, high, low)
        with open(os.path.join(FOLDER, name + ".csv"), "w", encoding="ascii") as file:
            file.write(",".join(["close", "high", "low", *columns]) + "\n")
            for t, price in enumerate(zip(close, high, low)):
                cells = [
                    "" if np.isnan(column[t]) else f"{column[t]:.15g}"
                    for column in columns.values()
                ]
                file.write(",".join([*(repr(float(value)) for value in price), *cells]) + "\n")


if __name__ == "__main__":
    main()
