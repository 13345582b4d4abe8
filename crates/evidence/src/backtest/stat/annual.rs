//! Returns by day, brought to a year.

use serde::Serialize;

use super::super::bars::Calendar;

/// What a year like this would come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Annual {
    /// Geometric: the day returns compounded over a year's sessions.
    pub return_annual: Option<f64>,
    /// Standard deviation (n − 1) of day returns × √ sessions in a year.
    pub volatility_annual: Option<f64>,
    /// Compound growth over the calendar time from the first to the last bar, in years of 365.25
    /// days.
    pub cagr: Option<f64>,
    /// Mean of day returns / their standard deviation × √ sessions in a year (Sharpe 1994;
    /// Lo 2002).
    pub sharpe: Option<f64>,
    /// Mean of day returns / root of the mean square of those below 0 × √ sessions in a year
    /// (Sortino & Price 1994).
    pub sortino: Option<f64>,
    /// Annual return / largest drawdown (Young 1991).
    pub calmar: Option<f64>,
}

/// Returns from one day's end to the next, the first from the start.
#[must_use]
pub fn day_returns(start: f64, day_equity: &[f64]) -> Vec<f64> {
    let before = std::iter::once(&start).chain(day_equity);
    day_equity.iter().zip(before).map(|(now, before)| now / before - 1.0).collect()
}

/// Annualised. `seconds` lie between the first and the last bar; `max_drawdown` is a share of the
/// peak.
#[must_use]
pub fn annual(
    start: f64,
    day_equity: &[f64],
    calendar: &Calendar,
    seconds: f64,
    max_drawdown: f64,
) -> Annual {
    // With equity gone there is no next day to speak of.
    let Some(end) = day_equity.last().filter(|_| day_equity.iter().all(|equity| *equity > 0.0))
    else {
        return Annual::default();
    };
    let returns = day_returns(start, day_equity);
    let (n, per_year) = (returns.len() as f64, calendar.sessions_per_year);
    let return_annual = per_year.map(|per_year| (end / start).powf(per_year / n) - 1.0);
    let below = returns.iter().map(|r| r.min(0.0).powi(2)).sum::<f64>() / n;
    let mean = returns.iter().sum::<f64>() / n;
    let years = seconds / (365.25 * 86_400.0);
    Annual {
        return_annual,
        volatility_annual: deviation(&returns)
            .zip(per_year)
            .map(|(sd, per_year)| sd * per_year.sqrt()),
        cagr: (years > 0.0).then(|| (end / start).powf(1.0 / years) - 1.0),
        sharpe: sharpe(&returns, calendar),
        sortino: per_year
            .filter(|_| below > 0.0)
            .map(|per_year| mean / below.sqrt() * per_year.sqrt()),
        calmar: return_annual.filter(|_| max_drawdown > 0.0).map(|annual| annual / max_drawdown),
    }
}

/// Sharpe ratio of day returns, annualised; `None` where they do not vary, or say that equity was
/// gone.
#[must_use]
pub fn sharpe(day_returns: &[f64], calendar: &Calendar) -> Option<f64> {
    let sd =
        deviation(day_returns).filter(|sd| *sd > 0.0 && day_returns.iter().all(|r| *r > -1.0))?;
    let mean = day_returns.iter().sum::<f64>() / day_returns.len() as f64;
    Some(mean / sd * calendar.sessions_per_year?.sqrt())
}

/// Standard deviation (n − 1).
pub(super) fn deviation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.len() > 1)
        .then(|| (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn year_of(sessions: f64) -> Calendar {
        Calendar { sessions: 100, sessions_per_year: Some(sessions), bars_per_session: 240.0 }
    }

    #[test]
    fn two_days_by_hand() {
        // +10 %, then −5 %.
        let found = annual(100.0, &[110.0, 104.5], &year_of(252.0), 86_400.0, 0.05);
        let near = |found: Option<f64>, want: f64| (found.unwrap() / want - 1.0).abs() < 1e-12;
        let sd = 0.15 / 2.0_f64.sqrt();
        assert!(near(found.volatility_annual, sd * 252.0_f64.sqrt()));
        assert!(near(found.sharpe, 0.025 / sd * 252.0_f64.sqrt()));
        assert!(near(found.sortino, 0.025 / (0.0025_f64 / 2.0).sqrt() * 252.0_f64.sqrt()));
        assert!(near(found.return_annual, 1.045_f64.powf(126.0) - 1.0));
        assert!(near(found.calmar, (1.045_f64.powf(126.0) - 1.0) / 0.05));
        assert!(near(found.cagr, 1.045_f64.powf(365.25) - 1.0));
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let flat = annual(100.0, &[100.0, 100.0], &year_of(252.0), 86_400.0, 0.0);
        assert_eq!((flat.return_annual, flat.volatility_annual), (Some(0.0), Some(0.0)));
        assert_eq!((flat.sharpe, flat.sortino, flat.calmar), (None, None, None));
        let one_day = annual(100.0, &[101.0], &year_of(252.0), 0.0, 0.0);
        assert_eq!((one_day.volatility_annual, one_day.sharpe, one_day.cagr), (None, None, None));
        assert_eq!(
            annual(100.0, &[50.0, -1.0, -1.0], &year_of(252.0), 86_400.0, 1.0),
            Annual::default()
        );
        assert_eq!(annual(100.0, &[], &year_of(252.0), 86_400.0, 0.0), Annual::default());
        let less_than_a_week = Calendar { sessions_per_year: None, ..year_of(0.0) };
        let found = annual(100.0, &[110.0, 104.5], &less_than_a_week, 86_400.0, 0.05);
        assert_eq!((found.sharpe, found.return_annual, found.cagr.is_some()), (None, None, true));
    }
}
