use super::*;

#[test]
fn thresholds_leave_out_known_shares_of_the_forecasts() {
    let expected: Vec<f64> =
        (0..=200).map(|i| f64::from(i - 100) * 1e-6).chain([f64::NAN]).collect();
    assert_eq!(fitting_thresholds(&expected), [0.0, 0.5, 0.75, 0.9, 0.95, 0.99]);
    assert_eq!(fitting_thresholds(&[0.0; 5]), [0.0]);
    assert_eq!(fitting_thresholds(&[f64::NAN]), [0.0]);
}

#[test]
fn costs_are_around_the_given_one_unless_they_are_given() {
    assert_eq!(Axes::default().or_fitting(&[], 2.0).costs, [0.0, 1.0, 2.0, 4.0, 8.0]);
    assert_eq!(Axes { costs: vec![3.0], ..Axes::default() }.or_fitting(&[], 2.0).costs, [3.0]);
}
