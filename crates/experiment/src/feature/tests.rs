use super::*;

#[test]
fn names_round_trip() {
    for name in [
        "close",
        "sma_20",
        "ema_5",
        "rsi_14",
        "macd",
        "macd_hist_5_35_5",
        "macd_signal_3_10_16",
        "atr_1",
        "atr_14",
        "realized_vol_30",
        "time_of_day",
    ] {
        assert_eq!(name.parse::<Feature>().unwrap().to_string(), name);
    }
    assert_eq!("macd_12_26_9".parse::<Feature>().unwrap().to_string(), "macd");
}

#[test]
fn wrong_names_say_what_is_wrong() {
    let message = |name: &str| name.parse::<Feature>().unwrap_err().to_string();
    assert!(message("bollinger_20").contains("is not a feature"));
    assert!(message("sma_x").contains("not a number of bars"));
    assert!(message("sma_0").contains("out of range"));
    assert!(message("atr_0").contains("out of range (1 to"));
    assert!(message("macd_26_12_9").contains("must be below"));
    assert!(message("macd_12_26").contains("three numbers"));
}
