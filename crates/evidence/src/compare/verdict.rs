//! Whether the best row is worth anything, in one sentence.

use super::group::Spread;
use super::seeds::Seeds;
use experiment::metric::{Direction, Metric, Quantity};
use text::number;

/// A row beside the baselines over its own windows, all by one metric.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) value: Option<Spread>,
    /// Behind that value.
    pub(super) seeds: Seeds,
    pub(super) baselines: Vec<(String, f64)>,
    /// The baselines' skill.
    pub(super) skills: Vec<(String, f64)>,
}

impl Standing {
    fn best_baseline(&self, direction: Direction) -> Option<(&str, f64)> {
        let named = self.baselines.iter().map(|(name, value)| (name.as_str(), *value));
        named.reduce(|a, b| if direction.better(b.1, a.1) { b } else { a })
    }

    fn beats_its_baselines(&self, direction: Direction) -> bool {
        self.value
            .zip(self.best_baseline(direction))
            .is_some_and(|(value, (_, best))| direction.better(value.mean, best))
    }
}

/// Says whether the best row (the first) beats the best baseline over its windows, by how much, and
/// how many rows do. A margin within the spread over seeds or folds is called that, and so is a
/// spread that nobody measured.
pub(super) fn verdict(standings: &[Standing], metric: Metric, spread_over: &str) -> String {
    let direction = metric.direction();
    let Some(best) = standings.first() else {
        return "no run has finished: there is nothing to rank".into();
    };
    let repeated = standings.iter().any(|standing| standing.value.is_some_and(|value| value.n > 1));
    let (unit, subject) = if repeated {
        ("assignment", "the best assignment's mean")
    } else {
        ("trial", "the best trial's")
    };
    let Some(value) = best.value else {
        return format!("{subject} {metric} is undefined: nothing says what it is worth");
    };
    let Some((name, baseline)) = best.best_baseline(direction) else {
        return format!(
            "no baseline was recorded: nothing says whether {subject} {metric} of {} is any good",
            number(Some(value.mean))
        );
    };
    let distance = distance(value.mean, baseline, metric.quantity);
    let against = format!("{name}'s {}", number(Some(baseline)));
    let beating =
        standings.iter().filter(|standing| standing.beats_its_baselines(direction)).count();
    let who = match beating {
        0 => format!("no {unit} beats it"),
        1 if standings.len() == 1 => format!("the one {unit} beats it"),
        beating => format!(
            "{beating} of {} {unit}s {} it",
            standings.len(),
            if beating == 1 { "beats" } else { "beat" }
        ),
    };
    let doubt = match value.sd {
        _ if !direction.better(value.mean, baseline) => String::new(),
        None => "; it has one seed, so its spread is unknown".into(),
        Some(sd) if (value.mean - baseline).abs() <= sd => {
            format!(
                "; the margin is within its spread over {spread_over} (± {}, n = {})",
                number(Some(sd)),
                value.n
            )
        }
        Some(sd) => {
            format!("; its spread over {spread_over} is ± {} (n = {})", number(Some(sd)), value.n)
        }
    };
    let survivors = match best.seeds.lack() {
        Some(lack) => {
            format!("; with {lack} it cannot be crowned: nobody knows what the others come to")
        }
        None => String::new(),
    };
    format!(
        "{subject} {metric} {} is {distance} {against}: {who}{doubt}{survivors}",
        number(Some(value.mean))
    )
}

/// "1.2 % above"; differences of a skill are not a share of it.
fn distance(value: f64, baseline: f64, quantity: Quantity) -> String {
    let side = if value < baseline { "below" } else { "above" };
    if value == baseline {
        return "no different from".into();
    }
    if quantity == Quantity::Skill || baseline == 0.0 {
        return format!("{} {side}", number(Some((value - baseline).abs())));
    }
    let percent = 100.0 * (value - baseline).abs() / baseline.abs();
    match percent {
        0.0..0.01 => format!("less than 0.01 % {side}"),
        0.01..1.0 => format!("{percent:.2} % {side}"),
        1.0..100.0 => format!("{percent:.1} % {side}"),
        _ => format!("{percent:.0} % {side}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(metric: &str, rows: &[(&[f64], &[(&str, f64)])]) -> String {
        let standings: Vec<Standing> = rows
            .iter()
            .map(|(values, baselines)| Standing {
                value: Spread::of(values),
                seeds: Seeds { counted: values.len(), planned: values.len() },
                baselines: baselines
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), *value))
                    .collect(),
                skills: vec![],
            })
            .collect();
        verdict(&standings, metric.parse().unwrap(), "seeds")
    }

    const BASELINES: &[(&str, f64)] = &[("linear", 4.4), ("persistence", 4.16)];

    #[test]
    fn a_sweep_that_is_worth_nothing_is_told_so() {
        assert_eq!(
            of("valid.rmse", &[(&[4.21], BASELINES), (&[5.0], BASELINES)]),
            "the best trial's valid.rmse 4.210 is 1.2 % above persistence's 4.160: no trial beats \
                it"
        );
    }

    #[test]
    fn a_better_trial_is_told_its_margin_and_its_doubt() {
        assert_eq!(
            of("valid.rmse", &[(&[4.0], BASELINES), (&[4.1], BASELINES), (&[5.0], BASELINES)]),
            "the best trial's valid.rmse 4.000 is 3.8 % below persistence's 4.160: 2 of 3 trials \
                beat it; it has one seed, so its spread is unknown"
        );
        assert_eq!(
            of("valid.rmse", &[(&[3.9, 4.3], BASELINES)]),
            "the best assignment's mean valid.rmse 4.100 is 1.4 % below persistence's 4.160: the \
                one assignment beats it; the margin is within its spread over seeds (± 0.2828, n = \
                2)"
        );
        assert!(
            of("valid.rmse", &[(&[3.9, 3.91], BASELINES)])
                .ends_with("its spread over seeds is ± 0.007071 (n = 2)")
        );
    }

    #[test]
    fn the_best_of_survivors_is_called_that() {
        let standing = Standing {
            value: Spread::of(&[3.9, 3.91]),
            seeds: Seeds { counted: 2, planned: 4 },
            baselines: vec![("persistence".to_owned(), 4.16)],
            skills: vec![],
        };
        let told = verdict(&[standing], "valid.rmse".parse().unwrap(), "seeds");
        assert!(told.contains("; with 2 of 4 seeds it cannot be crowned"), "{told}");
    }

    #[test]
    fn skill_is_better_when_it_is_higher_and_is_no_percentage() {
        let baselines: &[(&str, f64)] = &[("persistence", 0.0), ("linear", -0.2)];
        assert_eq!(
            of("valid.skill", &[(&[0.012], baselines)]),
            "the best trial's valid.skill 0.012 is 0.012 above persistence's 0: the one trial \
                beats it; it has one seed, so its spread is unknown"
        );
        assert!(
            of("valid.skill", &[(&[-0.1], baselines)])
                .contains("0.1 below persistence's 0: no trial beats it")
        );
    }

    #[test]
    fn without_runs_or_baselines_nothing_is_claimed() {
        assert!(of("valid.rmse", &[]).contains("nothing to rank"));
        assert!(of("valid.rmse", &[(&[4.0], &[])]).contains("no baseline was recorded"));
        assert!(
            of("valid.rmse", &[(&[4.16], BASELINES)])
                .contains("is no different from persistence's 4.160: no trial beats it")
        );
    }
}
