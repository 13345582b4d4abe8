use super::*;

#[test]
fn short_records_are_divided_into_fewer_blocks_or_not_at_all() {
    let panel = |bars: usize| {
        let row = |step: f64| -> Vec<f64> { (0..bars).map(|t| (t as f64 * step).sin()).collect() };
        Panel::new(&[row(0.3), row(1.1), row(2.3)]).unwrap()
    };
    let blocks = |bars| {
        overfitting(&panel(bars)).map(|found| (found.blocks, found.block_bars, found.divisions))
    };
    assert_eq!(blocks(1_000), Ok((16, 62, 12_870)));
    assert_eq!(blocks(100), Ok((4, 25, 6)));
    assert!(blocks(39).unwrap_err().contains("39 bars are too few"));
}

#[test]
fn the_sentences_say_what_was_counted_and_what_it_means() {
    let overfitting =
        Overfitting { probability: 0.634, divisions: 12_870, blocks: 16, block_bars: 292 };
    let luck = Luck {
        searched: Searched { trials: 412, traded: 12, by_ledger: true, damaged_lines: 0 },
        strategies: 412,
        effective_trials: Some(4.13),
        expected_maximum: Some(0.2345),
        overfitting: Some(overfitting),
        ..Luck::default()
    };
    let sentences = luck.sentences(12);
    assert_eq!(
        sentences[0],
        "412 trials were tried on this span (ledger); by their returns the 12 here are as good \
            as 4.1 independent ones; the best of 412 worthless ones would reach a Sharpe ratio \
            of about 0.234 a session, which DSR asks for"
    );
    assert!(
        sentences[1].contains(
            "in 63 % of 12870 divisions (PBO over the 12 here, not all 412 \
            trials, 16 blocks of 292 bars)"
        ) && sentences[1].contains("drawing lots")
    );
    let few = Searched { trials: 3, traded: 3, ..Searched::default() };
    let damaged =
        Luck { searched: Searched { by_ledger: true, damaged_lines: 2, ..few }, ..Luck::default() };
    assert!(
        damaged.sentences(3)[0].contains("(ledger; 2 lines of it are damaged"),
        "{:?}",
        damaged.sentences(3)
    );
    let none = Luck {
        searched: few,
        undefined: Some("39 bars are too few to divide: it takes 40".into()),
        ..Luck::default()
    };
    let sentences = none.sentences(3);
    assert!(sentences[0].starts_with("3 trials are known of this span"));
    assert_eq!(
        sentences[1],
        "probability of backtest overfitting: — (39 bars are too few to divide: it takes 40)"
    );
}
