//! Statistics of a ledger, as pure functions; a number that is not defined is `None`.
//!
//! The list is that of backtesting.py 0.6 (`_stats.py`), and so are the definitions but for these,
//! each for a reason:
//!
//! * **Sharpe, Sortino, volatility** are those of the day returns' mean and standard deviation
//!   times the (root of the) sessions in a year, as in empyrical, quantstats and vectorbt and as
//!   their significance is tested (Lo 2002, "The statistics of Sharpe ratios"). backtesting.py
//!   divides a compounded annual return by a compounded volatility, which is capped at −100 % for a
//!   loser.
//! * **Sessions in a year** are counted in the bars ([`super::calendar`]); backtesting.py takes
//!   252, or 365 where there are weekends.
//! * **The first day** counts: its return is over the starting equity. backtesting.py drops it.
//! * **Buy and hold** is traded through the same ledger and pays its costs; the market's return of
//!   alpha and beta is without costs.
//! * **Exposure** is the share of bars within which something was held; backtesting.py also counts
//!   the bar at whose open it was sold.
//! * **What is held at the end** is sold at the last close; backtesting.py sells at the last open,
//!   after marking at the last close.
//! * **A drawdown in the last bar alone** counts.
//! * A gain factor or ratio over nothing (no loss, no variance, no drawdown) is `None`, not
//!   infinity.
//!
//! Days are local dates; intraday equity is taken at each date's last bar, as in backtesting.py.
//! The risk-free rate is 0.

mod annual;
mod drawdown;
mod market;
mod trading;

pub use annual::{Annual, annual, day_returns, sharpe};
pub use drawdown::{Drawdowns, drawdowns};
pub use market::{Market, market};
pub use trading::{Trading, trading};
