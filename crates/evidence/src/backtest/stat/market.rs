//! Equity beside the price that was traded.

use serde::Serialize;

/// How equity went with the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Market {
    /// Of the close, from the first bar to the last, without costs.
    pub market_return: Option<f64>,
    /// Covariance of the bars' log returns of equity and of the close / variance of the latter.
    pub beta: Option<f64>,
    /// Net return − beta × market return, over the whole time (Jensen 1968, with a risk-free rate
    /// of 0).
    pub alpha: Option<f64>,
}

/// Alpha and beta of equity at each bar's close.
#[must_use]
pub fn market(net_return: f64, equity: &[f64], close: &[f64]) -> Market {
    let Some(market_return) =
        close.first().zip(close.last()).map(|(first, last)| last / first - 1.0)
    else {
        return Market::default();
    };
    let beta = beta(equity, close);
    Market {
        market_return: Some(market_return),
        beta,
        alpha: beta.map(|beta| net_return - beta * market_return),
    }
}

fn beta(equity: &[f64], close: &[f64]) -> Option<f64> {
    if equity.len() < 3 || equity.iter().any(|equity| *equity <= 0.0) {
        return None;
    }
    let log_returns = |values: &[f64]| -> Vec<f64> {
        values.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
    };
    let (own, market) = (log_returns(equity), log_returns(close));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (own_mean, market_mean) = (mean(&own), mean(&market));
    let covariance: f64 = own
        .iter()
        .zip(&market)
        .map(|(own, market)| (own - own_mean) * (market - market_mean))
        .sum();
    let variance: f64 = market.iter().map(|market| (market - market_mean).powi(2)).sum();
    (variance > 0.0).then(|| covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_market_has_half_its_beta_and_no_alpha_but_for_compounding() {
        let close = [100.0, 101.0, 99.0, 103.0, 102.0];
        let equity: Vec<f64> = close.iter().map(|close: &f64| (close / 100.0).sqrt()).collect();
        let found = market(equity[4] - 1.0, &equity, &close);
        assert!((found.beta.unwrap() - 0.5).abs() < 1e-12);
        assert!((found.alpha.unwrap() - (1.02_f64.sqrt() - 1.0 - 0.01)).abs() < 1e-12);
    }

    #[test]
    fn without_variance_or_equity_there_is_no_beta() {
        assert_eq!(market(0.0, &[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]).beta, None);
        assert_eq!(market(0.0, &[1.0, -2.0, 3.0], &[5.0, 6.0, 5.0]).beta, None);
        assert_eq!(market(0.0, &[1.0, 1.0, 1.0], &[5.0, 6.0, 5.0]).beta, Some(0.0));
        assert_eq!(market(0.0, &[], &[]), Market::default());
    }
}
