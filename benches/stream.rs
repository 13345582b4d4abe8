//! Nanoseconds a bar of what is computed as bars come, of 100,000 one-minute bars.
//!
//! `cargo bench --bench stream`. divan prints the time of a whole pass beside items (bars) a
//! second: 10 million bars a second are 100 ns a bar. A regression here is felt by anyone who
//! trades on a tick, and, since columns of files are computed by the same states, in
//! `benches/market.rs`.

use divan::counter::ItemsCount;
use kiln::experiment::{
    BarLabel, Columns, Data, Format, Scale, Scaler, Signal, Source, Split, Synthetic, Target,
    TargetKind, Volatility,
};
use kiln::market::{Affine, BarLines, Bars, FeatureState, Scaling, WindowStream, synthetic};

const BARS: usize = 100_000;

fn main() {
    divan::main();
}

fn bars() -> Bars {
    synthetic::generate(&Synthetic {
        bars: BARS,
        session: 240,
        signal: Signal::Reversal,
        beta2: 0.0025,
        sd_bp: 6.0,
        volatility: Volatility::Stochastic,
        nu: Some(6.0),
        seed: 1,
    })
}

/// One feature.
#[divan::bench(args = [
    "close", "log_return", "sma_20", "ema_20", "rsi_14", "macd", "macd_hist", "atr_14",
    "realized_vol_30", "time_of_day",
])]
fn feature(bencher: divan::Bencher, name: &str) {
    let bars = bars();
    let Ok(feature) = name.parse() else { return };
    bencher.counter(ItemsCount::new(BARS)).bench(|| {
        let mut state = FeatureState::new(feature, bars.bar_seconds);
        (0..BARS).fold(0.0, |sum, row| sum + state.push(&bars.bar(row)).unwrap_or(0.0))
    });
}

fn data() -> Data {
    let source = Source::File {
        path: "bars.csv".into(),
        format: Format::Csv,
        columns: Columns::default(),
        zone: Some("Asia/Shanghai".to_owned()),
        bar_label: BarLabel::Start,
    };
    Data {
        source,
        rows: None,
        bar_seconds: None,
        features: ["close", "volume", "sma_20", "rsi_14", "macd"]
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect(),
        target: Target { horizon: 1, kind: TargetKind::Price },
        window: 60,
        step: 1,
        cross_gaps: false,
        split: Split { valid: 0.2, test: 0.1, embargo: 61, walk_forward: None },
        scale: Scale { price: Scaler::MinMax, volume: Scaler::MinMax, indicator: Scaler::Standard },
    }
}

fn windows_of(bars: impl Iterator<Item = kiln::market::Bar>, data: &Data) -> usize {
    let scaling =
        Scaling { columns: vec![Affine::IDENTITY; data.features.len()], target: Affine::IDENTITY };
    let Ok(mut stream) = WindowStream::new(data, &scaling, 60) else { return 0 };
    let mut windows = 0;
    for bar in bars {
        windows += usize::from(stream.push(&bar).is_ok_and(|window| window.is_some()));
    }
    windows
}

/// The seed's five features, scaled, in windows of 60 rows.
#[divan::bench]
fn windows(bencher: divan::Bencher) {
    let (bars, data) = (bars(), data());
    bencher
        .counter(ItemsCount::new(BARS))
        .bench(|| windows_of((0..BARS).map(|row| bars.bar(row)), &data));
}

/// The same from lines of CSV.
#[divan::bench]
fn windows_of_lines(bencher: divan::Bencher) {
    let (bars, data) = (bars(), data());
    let mut text = String::from("ts,open,high,low,close,volume\n");
    for row in 0..BARS {
        let kiln::market::Bar { ts, open, high, low, close, volume, .. } = bars.bar(row);
        let at = jiff::Timestamp::from_nanosecond(i128::from(ts)).unwrap_or_default();
        text.push_str(&format!(
            "{},{open:.1},{high:.1},{low:.1},{close:.1},{volume:.0}\n",
            at.strftime("%FT%T+00:00")
        ));
    }
    bencher.counter(ItemsCount::new(BARS)).bench(|| {
        let Ok(lines) = BarLines::new("stdin".as_ref(), text.as_bytes(), &data, 60) else {
            return 0;
        };
        windows_of(lines.map_while(Result::ok), &data)
    });
}
