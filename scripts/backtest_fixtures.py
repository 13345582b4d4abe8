#!/usr/bin/env python3
"""Writes tests/fixtures/backtest/*.json: what backtesting.py and vectorbt make of the same bars and
decisions.

    python3 -m venv oracle && oracle/bin/pip install backtesting==0.6.6 vectorbt==1.2.0
    oracle/bin/python scripts/backtest_fixtures.py

Both trade whole accounts: all-in, at the next bar's open. backtesting.py takes a commission alone
(its spread is charged on the way in only) and whole units, so it starts with 1e14 and its units are
as good as fractions; it is flat before its last bar, at whose open it would otherwise sell what it
marks at the close. vectorbt is long only (its short sizes do not count the costs) with slippage and
fees.
"""

import json
import pathlib

import numpy as np
import pandas as pd

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "backtest"
START = 10_000.0
CASH = 1e14
COMMISSION = 0.0007
SLIPPAGE = 0.0005


def bars() -> pd.DataFrame:
    """Four bars on each of 60 weekdays."""
    rng = np.random.default_rng(3)
    days = pd.bdate_range("2024-03-04", periods=60)
    index = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=hour) for day in days for hour in (10, 11, 13, 14)]
    )
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.006, len(index))))
    open_ = np.r_[100.0, close[:-1]] * np.exp(rng.normal(0, 0.002, len(index)))
    # Short in binary and in print.
    close, open_ = np.round(close * 64) / 64, np.round(open_ * 64) / 64
    high, low = np.maximum(open_, close) + 0.25, np.minimum(open_, close) - 0.25
    return pd.DataFrame({"Open": open_, "High": high, "Low": low, "Close": close}, index=index)


def decisions(frame: pd.DataFrame, choices: list[float]) -> np.ndarray:
    """A weight at some closes; flat from two bars before the end on."""
    rng = np.random.default_rng(11)
    weights = np.where(rng.random(len(frame)) < 0.35, rng.choice(choices, len(frame)), np.nan)
    weights[0] = np.nan
    weights[-3:] = 0.0
    return weights


def with_backtesting(frame: pd.DataFrame, weights: np.ndarray) -> dict:
    from backtesting import Backtest, Strategy, __version__

    class Follow(Strategy):
        def init(self):
            pass

        def next(self):
            weight = weights[len(self.data) - 1]
            held = np.sign(self.position.size)
            if np.isnan(weight) or weight == held:
                return
            if weight == 0:
                self.position.close()
            elif weight > 0:
                self.buy()
            else:
                self.sell()

    stats = Backtest(frame, Follow, cash=CASH, commission=COMMISSION, exclusive_orders=True).run()
    trades = stats["_trades"]
    assert not trades.empty and (trades["ExitBar"] < len(frame) - 1).all()
    kept = {
        key: value.total_seconds() if isinstance(value, pd.Timedelta) else float(value)
        for key, value in stats.items()
        if not key.startswith("_") and key not in ("Start", "End")
    }
    for key in ("Equity Final [$]", "Equity Peak [$]", "Commissions [$]"):
        kept[key] *= START / CASH
    return {
        "made_by": f"backtesting {__version__}",
        "commission": COMMISSION,
        "slippage": 0.0,
        "bars": rows(frame, weights),
        "equity": list(stats["_equity_curve"]["Equity"] * START / CASH),
        "trades": [
            [
                int(t.EntryBar),
                int(t.ExitBar),
                t.Size * START / CASH,
                t.EntryPrice,
                t.ExitPrice,
                t.PnL * START / CASH,
                t.ReturnPct,
            ]
            for t in trades.sort_values("EntryBar").itertuples()
        ],
        "stats": kept,
    }


def with_vectorbt(frame: pd.DataFrame, weights: np.ndarray) -> dict:
    import vectorbt as vbt

    decided = pd.Series(weights, index=frame.index).shift(1)
    portfolio = vbt.Portfolio.from_signals(
        frame["Close"],
        entries=decided == 1,
        exits=decided == 0,
        price=frame["Open"],
        init_cash=START,
        fees=COMMISSION,
        slippage=SLIPPAGE,
        freq="1h",
    )
    trades = portfolio.trades.records_readable
    return {
        "made_by": f"vectorbt {vbt.__version__}",
        "commission": COMMISSION,
        "slippage": SLIPPAGE,
        "bars": rows(frame, weights),
        "equity": list(portfolio.value()),
        "trades": [
            [
                int(frame.index.get_loc(t["Entry Timestamp"])),
                int(frame.index.get_loc(t["Exit Timestamp"])),
                t["Size"],
                t["Avg Entry Price"],
                t["Avg Exit Price"],
                t["PnL"],
                t["Return"],
            ]
            for _, t in trades.iterrows()
        ],
        "stats": {
            "Total Return [%]": portfolio.total_return() * 100,
            "Max Drawdown [%]": portfolio.max_drawdown() * 100,
            "Profit Factor": portfolio.trades.profit_factor(),
            "Win Rate [%]": portfolio.trades.win_rate() * 100,
        },
    }


def rows(frame: pd.DataFrame, weights: np.ndarray) -> list:
    seconds = frame.index.as_unit("s").asi8
    return [
        [int(ts), open_, close, None if np.isnan(weight) else weight]
        for ts, open_, close, weight in zip(seconds, frame["Open"], frame["Close"], weights)
    ]


def write(name: str, content: dict) -> None:
    lines = []
    for key, value in content.items():
        if isinstance(value, list):
            body = ",\n".join("  " + json.dumps(item) for item in value)
            lines.append(f"{json.dumps(key)}: [\n{body}\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    (FOLDER / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    market = bars()
    write("backtesting_py.json", with_backtesting(market, decisions(market, [-1.0, 0.0, 1.0])))
    write("vectorbt.json", with_vectorbt(market, decisions(market, [0.0, 1.0])))
