//! The data of a pack: a series and the windows of each split, as plain host vectors; of
//! walk-forward folds a series each.
//!
//! A window is named by its last row `t` and covers rows `t-L+1 ..= t`; it is never copied out of
//! the series on the host.

/// Feature rows, the target, and the windows of each split. The lanes of a pack may train on
/// different series, of different lengths and with different windows: the folds of a walk-forward
/// split are scaled each by its own training rows.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Row-major `[rows, columns]`, scaled.
    pub features: Vec<f32>,
    /// Columns of `features`.
    pub columns: usize,
    /// Scaled target of the window that ends at each row, `[rows]`; NaN where there is none (such
    /// rows end no window below).
    pub target: Vec<f32>,
    /// One unit of the scaled target in the target's own unit: `rmse = target_unit * rmse_scaled`.
    pub target_unit: f64,
    /// Last rows of the training windows, ascending.
    pub train: Vec<u32>,
    /// Last rows of the validation windows, ascending.
    pub valid: Vec<u32>,
}

impl Series {
    /// Rows of the series.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.target.len()
    }
}
