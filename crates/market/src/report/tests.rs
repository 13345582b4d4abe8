use super::*;
use crate::window;

fn bars(close: &[f64]) -> Bars {
    let column = close.to_vec();
    Bars {
        ts: (0..close.len() as i64).map(|row| row * 60_000_000_000).collect(),
        offset_seconds: vec![28_800; close.len()],
        open: column.clone(),
        high: column.iter().map(|x| x * 1.001).collect(),
        low: column.clone(),
        close: column,
        volume: vec![1.0; close.len()],
        bar_seconds: 60,
        truth: None,
    }
}

fn found(bars: &Bars) -> Vec<String> {
    warnings(bars, &window::runs(&bars.ts, &bars.offset_seconds, 60))
}

/// Moves of about 10 basis points whose direction does not depend on the last one's.
fn calm(rows: usize) -> Vec<f64> {
    (0..rows).map(|row| 100.0 * (1e-3 * f64::from([0, 1, 2, 1][row % 4])).exp()).collect()
}

#[test]
fn calm_bars_are_not_odd() {
    assert_eq!(found(&bars(&calm(400))), Vec::<String>::new());
}

#[test]
fn opens_and_closes_that_are_exchanged_are_told_so() {
    // A walk whose bars open where the one before closed, give or take a tick.
    let mut bars = bars(&calm(400));
    bars.open =
        (0..400).map(|row| if row == 0 { 100.0 } else { bars.close[row - 1] * 1.00001 }).collect();
    bars.high = bars.open.iter().zip(&bars.close).map(|(open, close)| open.max(*close)).collect();
    bars.low = bars.open.iter().zip(&bars.close).map(|(open, close)| open.min(*close)).collect();
    assert!(
        !found(&bars).iter().any(|warning| warning.contains("exchanged")),
        "{:?}",
        found(&bars)
    );
    std::mem::swap(&mut bars.open, &mut bars.close);
    assert!(found(&bars)[0].starts_with("opens and closes look exchanged"), "{:?}", found(&bars));
}

#[test]
fn bars_that_come_a_second_late_are_told_apart_from_holes() {
    let mut late = bars(&calm(400));
    late.ts[300] += 1_000_000_000;
    assert_eq!(
        found(&late),
        ["2 bars come a little early or late, and each begins a new run (first: 61 s after \
                the one before, at 1970-01-01T13:00:01+08:00)"]
    );
}

#[test]
fn each_oddity_is_said_with_its_place() {
    let mut odd_bars = bars(&calm(400));
    odd_bars.high[7] = odd_bars.close[7] * 0.999;
    assert_eq!(
        found(&odd_bars),
        ["1 bars open or close outside their high and low (first: 1970-01-01T08:07:00+08:00)"]
    );

    let mut odd_bars = bars(&calm(400));
    odd_bars.high[..40].copy_from_slice(&odd_bars.close[..40]);
    odd_bars.volume[..80].fill(0.0);
    assert_eq!(
        found(&odd_bars),
        [
            "10.00 % of the bars are flat (open = high = low = close)",
            "20.00 % of the bars have no volume"
        ]
    );

    let mut close = calm(400);
    close[100] *= 1.1;
    assert!(
        found(&bars(&close))[0].starts_with("2 returns beyond 20 robust standard deviations"),
        "{:?}",
        found(&bars(&close))
    );

    let mut close = calm(400);
    close[200..].iter_mut().for_each(|x| *x /= 2.0);
    assert!(
        found(&bars(&close))[0].starts_with("1 jumps look like splits"),
        "{:?}",
        found(&bars(&close))
    );

    let zigzag: Vec<f64> = (0..400).map(|row| 100.0 + f64::from(row % 2)).collect();
    assert!(
        found(&bars(&zigzag))[0].contains("autocorrelation of returns is -1.00"),
        "{:?}",
        found(&bars(&zigzag))
    );

    let mut odd_bars = bars(&calm(400));
    odd_bars.ts[300..].iter_mut().for_each(|ts| *ts += 120_000_000_000);
    assert_eq!(
        found(&odd_bars),
        ["1 holes of fewer than 10 bars, 2 bars missing (first before \
                1970-01-01T13:02:00+08:00)"]
    );
}
