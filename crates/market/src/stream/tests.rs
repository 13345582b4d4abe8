use std::path::Path;

use proptest::prelude::*;

use super::{BarLines, FeatureState, WindowStream, oracle};
use crate::columns::Volume;
use crate::length::BarLength;
use crate::prepare::assemble_forecast;
use crate::text::Text;
use crate::{Affine, Bar, Bars, Prepared, Scaling, source};
use experiment::feature::Feature;
use experiment::testing::settings;
use experiment::{Data, TargetKind};

const SAMPLE: &str = "../../experiments/data/if_1m.csv.gz";

const FEATURES: &str = "open high low close volume log_return sma_2 sma_20 sma_390 ema_2 ema_20 \
    rsi_2 rsi_14 macd macd_signal macd_hist macd_3_7_1 macd_hist_3_7_1 macd_signal_5_35_5 atr_1 \
    atr_14 realized_vol_2 realized_vol_30 time_of_day";

/// Bars of these tests are minutes.
const STEP_NS: i64 = 60_000_000_000;

fn features() -> Vec<Feature> {
    FEATURES.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

/// Every feature over the sample as it ships.
fn sample() -> Data {
    let lines = format!("data.source = \"{SAMPLE}\"\ndata.bar_label = \"end\"\ndata.window = 60");
    Data { features: features(), ..settings(&lines).data }
}

fn bars_of(data: &Data) -> Bars {
    source::load(&data.source, Volume::Needed, BarLength::declared(data.bar_seconds), None)
        .unwrap()
        .bars
}

/// Other scales for each column, so that one in a wrong place shows.
fn scaling(data: &Data) -> Scaling {
    let columns = (0..data.features.len())
        .map(|place| Affine { offset: place as f64 * 0.7, unit: 1.5 + place as f64 })
        .collect();
    Scaling { columns, target: Affine::IDENTITY }
}

fn same_bits(feature: Feature, bars: &Bars) -> Result<(), String> {
    let mut state = FeatureState::new(feature, bars.bar_seconds);
    for (row, batch) in oracle::column(feature, bars).into_iter().enumerate() {
        let streamed = state.push(&bars.bar(row));
        if streamed.is_some() != (row >= feature.warm_up())
            || streamed.unwrap_or(f64::NAN).to_bits() != batch.to_bits()
        {
            return Err(format!("{feature} at row {row}: {streamed:?} is not {batch}"));
        }
    }
    Ok(())
}

/// The windows of a stream are those of all bars at once: as many, at the same bars, of the same
/// bits.
fn same_windows(data: &Data, bars: &Bars, scaling: &Scaling) -> Result<usize, String> {
    let batch = assemble_forecast(data, bars.clone(), Vec::new(), scaling);
    let mut stream = WindowStream::new(data, scaling, bars.bar_seconds).unwrap();
    let mut ends =
        batch.iter().flat_map(|batch| batch.series.valid.iter().map(|&end| end as usize));
    let mut windows = 0;
    for row in 0..bars.len() {
        let window = match stream.push(&bars.bar(row)) {
            Ok(Some(window)) => window,
            Ok(None) => continue,
            // The batch sees bars a step apart later on; a stream cannot know that they will come.
            Err(error)
                if windows == 0
                    && error.to_string().starts_with("no two bars so far")
                    && bars.ts[..=row].windows(2).all(|pair| pair[1] - pair[0] != STEP_NS) =>
            {
                return Ok(0);
            }
            Err(error) => return Err(error.to_string()),
        };
        let (Ok(Prepared { series, ts, persistence, .. }), Some(end)) = (&batch, ends.next())
        else {
            return Err(format!("a window at bar {row} that the batch does not have"));
        };
        let width = data.features.len();
        let expected = &series.features[(end + 1 - data.window) * width..(end + 1) * width];
        let same = window.ts == ts[end]
            && window.persistence.to_bits() == persistence[end].to_bits()
            && window.features.len() == expected.len()
            && window
                .features
                .iter()
                .zip(expected)
                .all(|(own, other)| own.to_bits() == other.to_bits());
        if !same {
            return Err(format!(
                "the windows at bar {row} differ: {window:?} and {expected:?} of {}, {}",
                ts[end], persistence[end]
            ));
        }
        windows += 1;
    }
    if ends.next().is_some() {
        Err(format!("the batch has more than {windows} windows"))
    } else {
        Ok(windows)
    }
}

#[test]
fn every_feature_of_the_sample_has_the_same_bits_bar_by_bar() {
    let bars = bars_of(&sample());
    assert_eq!(bars.len(), 24_000);
    for feature in features() {
        same_bits(feature, &bars).unwrap();
    }
}

#[test]
fn every_window_of_the_sample_has_the_same_bits_bar_by_bar() {
    let mut data = sample();
    let bars = bars_of(&data);
    for (kind, horizon, cross_gaps, windows) in [
        (TargetKind::Price, 1, false, 11_988),
        (TargetKind::LogReturn, 5, false, 11_988),
        (TargetKind::LogVolatility, 30, false, 11_988),
        (TargetKind::LogVolatility, 30, true, 23_552),
    ] {
        data.target.kind = kind;
        data.target.horizon = horizon;
        data.cross_gaps = cross_gaps;
        assert_eq!(same_windows(&data, &bars, &scaling(&data)), Ok(windows));
    }
}

#[test]
fn the_lines_of_the_sample_are_its_bars() {
    let data = sample();
    let bars = bars_of(&data);
    let text = Text::read(Path::new(SAMPLE)).unwrap();
    let text = [text.header.join(",").as_bytes(), b"\n", text.body()].concat();
    let lines = BarLines::new(Path::new("stdin"), &text[..], &data, 60).unwrap();
    let mut row = 0;
    for bar in lines {
        assert_eq!(bar.unwrap(), bars.bar(row));
        row += 1;
    }
    assert_eq!(row, bars.len());
}

#[test]
fn bars_out_of_order_and_second_bars_are_refused_and_leave_no_trace() {
    let data = Data {
        window: 4,
        ..settings("data.synthetic = { bars = 1000 }\ndata.features = [\"close\", \"ema_3\"]").data
    };
    let bars = bars_of(&data);
    let mut clean = WindowStream::new(&data, &scaling(&data), 60).unwrap();
    let mut tried = clean.clone();
    for row in 0..20 {
        let window = clean.push(&bars.bar(row)).unwrap();
        assert_eq!(tried.push(&bars.bar(row)).unwrap(), window);
        let mut wrong = bars.bar(row);
        let message = tried.push(&wrong).unwrap_err().to_string();
        assert!(
            message.starts_with("a second bar of ") && message.ends_with("each once"),
            "{message}"
        );
        wrong.ts -= 1;
        let message = tried.push(&wrong).unwrap_err().to_string();
        assert!(
            message.starts_with("the bar of ") && message.ends_with("bars come in time order"),
            "{message}"
        );
        wrong.ts += 2;
        wrong.low = f64::NAN;
        assert_eq!(
            tried.push(&wrong).unwrap_err().to_string(),
            "low is NaN; a price is a number above 0"
        );
    }
}

#[test]
fn a_scaling_of_other_columns_is_refused() {
    let data =
        settings("data.features = [\"close\", \"volume\"]\ndata.synthetic = { bars = 1000 }").data;
    let scaling = Scaling { columns: vec![Affine::IDENTITY], target: Affine::IDENTITY };
    assert_eq!(
        WindowStream::new(&data, &scaling, 60).unwrap_err().to_string(),
        "1 scalers do not fit 2 features"
    );
}

/// Minutes with gaps, prices with flat stretches and jumps.
fn bars() -> impl Strategy<Value = Bars> {
    let step = prop_oneof![5 => -0.02..0.02_f64, 3 => Just(0.0), 1 => -0.3..0.3_f64];
    let minutes = prop_oneof![12 => Just(1_i64), 1 => 2..2000_i64];
    let bar = (minutes, step, 0.0..0.01_f64, 0.0..0.01_f64, 0_u32..4);
    (0.01..1e6_f64, prop::collection::vec(bar, 2..160)).prop_map(|(mut close, steps)| {
        let mut minute = 28_000_000;
        let mut bars = Bars::with_capacity(60, steps.len());
        for (minutes, step, up, down, volume) in steps {
            minute += minutes;
            let open = close;
            close *= 1.0 + step;
            bars.push(Bar {
                ts: minute * STEP_NS,
                offset_seconds: 28_800,
                open,
                high: open.max(close) * (1.0 + up),
                low: open.min(close) * (1.0 - down),
                close,
                volume: f64::from(volume),
            });
        }
        bars
    })
}

proptest! {
    #[test]
    fn every_feature_has_the_same_bits_bar_by_bar(bars in bars()) {
        for feature in features() {
            let found = same_bits(feature, &bars);
            prop_assert!(found.is_ok(), "{found:?}");
        }
    }

    #[test]
    fn every_window_has_the_same_bits_bar_by_bar(
        bars in bars(),
        window in 1_usize..12,
        horizon in 1_usize..9,
        cross_gaps in any::<bool>(),
        kind in prop::sample::select(&[
            TargetKind::Price,
            TargetKind::LogReturn,
            TargetKind::LogVolatility
        ]),
        chosen in prop::collection::btree_set(
            prop::sample::select(&[
                "open",
                "close",
                "volume",
                "log_return",
                "sma_3",
                "ema_4",
                "rsi_3",
                "macd_2_4_3",
                "atr_2",
                "realized_vol_3",
                "time_of_day"
            ]),
            1..6
        ),
    ) {
        let mut data = settings("data.synthetic = { bars = 1000 }").data;
        data.features = chosen.iter().map(|name| name.parse().unwrap()).collect();
        (data.window, data.target.horizon, data.target.kind, data.cross_gaps) =
            (window, horizon, kind, cross_gaps);
        let found = same_windows(&data, &bars, &scaling(&data));
        prop_assert!(found.is_ok(), "{found:?}");
    }
}
