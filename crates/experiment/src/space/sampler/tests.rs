use super::*;
use crate::space::{Condition, Domain, Parameter, Value};
use proptest::prelude::*;
use std::collections::HashSet;

fn parameter(key: &str, domain: Domain) -> Parameter {
    Parameter { key: key.into(), domain, zip: None, when: None }
}

fn ints(values: &[i64]) -> Domain {
    Domain::Choice(values.iter().map(|value| Value::Int(*value)).collect())
}

fn when(mut parameter: Parameter, key: &str, values: &[i64]) -> Parameter {
    parameter.when = Some(Condition {
        key: key.into(),
        values: values.iter().map(|value| Value::Int(*value)).collect(),
    });
    parameter
}

fn zip(mut parameter: Parameter, group: &str) -> Parameter {
    parameter.zip = Some(group.into());
    parameter
}

fn all(space: &Space) -> Vec<Assignment> {
    GridSampler.propose_up_to(space, 100_000)
}

fn text(assignment: &Assignment) -> String {
    assignment.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_last_parameter_is_the_fastest() {
    let space =
        Space { parameters: vec![parameter("b", ints(&[1, 2])), parameter("a", ints(&[3, 4]))] };
    let texts: Vec<String> = all(&space).iter().map(text).collect();
    assert_eq!(texts, ["a=3 b=1", "a=4 b=1", "a=3 b=2", "a=4 b=2"]);
    assert_eq!(GridSampler.propose(&space, 4), None);
}

#[test]
fn a_space_without_parameters_has_one_empty_assignment() {
    assert_eq!(GridSampler.count(&Space::default()), Some(1));
    assert_eq!(all(&Space::default()), [Assignment::new()]);
}

#[test]
fn a_zip_group_is_one_axis() {
    let space = Space {
        parameters: vec![
            zip(parameter("a", ints(&[1, 2, 3])), "g"),
            parameter("c", ints(&[7, 8])),
            zip(parameter("b", ints(&[4, 5, 6])), "g"),
        ],
    };
    assert_eq!(GridSampler.count(&space), Some(6));
    assert_eq!(text(&all(&space)[3]), "a=2 b=5 c=8");
}

#[test]
fn an_inactive_parameter_is_absent_and_counts_once() {
    let space = Space {
        parameters: vec![
            parameter("kind", ints(&[1, 2])),
            when(parameter("momentum", ints(&[5, 6, 7])), "kind", &[2]),
            when(parameter("nested", ints(&[8, 9])), "momentum", &[6]),
        ],
    };
    let texts: Vec<String> = all(&space).iter().map(text).collect();
    assert_eq!(
        texts,
        [
            "kind=1",
            "kind=2 momentum=5",
            "kind=2 momentum=6 nested=8",
            "kind=2 momentum=6 nested=9",
            "kind=2 momentum=7"
        ]
    );
    assert_eq!(GridSampler.count(&space), Some(5));
}

#[test]
fn a_trillion_trials_are_counted_and_the_last_is_reached() {
    let long =
        Domain::Int { low: 1, high: 1_000_000_000_000, step: None, log: false, points: None };
    let space = Space {
        parameters: vec![
            parameter("a", long),
            when(parameter("b", ints(&[1, 2, 3])), "a", &[5, 999_999_999_999]),
        ],
    };
    assert_eq!(GridSampler.count(&space), Some(1_000_000_000_004));
    let at = |index| text(&GridSampler.propose(&space, index).unwrap());
    assert_eq!(
        (at(3), at(4), at(6), at(7)),
        ("a=4".into(), "a=5 b=1".into(), "a=5 b=3".into(), "a=6".into())
    );
    assert_eq!(at(1_000_000_000_003), "a=1000000000000");
    assert_eq!(at(1_000_000_000_002), "a=999999999999 b=3");
}

#[test]
fn a_grid_past_2_to_the_128_is_not_counted_but_can_be_walked() {
    let every = Domain::Int { low: i64::MIN, high: i64::MAX, step: None, log: false, points: None };
    let space =
        Space { parameters: ["a", "b", "c"].map(|key| parameter(key, every.clone())).into() };
    assert_eq!(GridSampler.count(&space), None);
    let first = GridSampler.propose(&space, (1 << 64) + 2).unwrap();
    assert_eq!(first["c"], Value::Int(i64::MIN + 2));
    assert_eq!(first["b"], Value::Int(i64::MIN + 1));
}

#[test]
fn many_pairs_of_controller_and_dependent_are_counted_at_once() {
    let pairs = (0..40).flat_map(|i| {
        let key = format!("c{i}");
        [
            parameter(&key, ints(&[0, 1])),
            when(parameter(&format!("d{i}"), ints(&[1, 2])), &key, &[1]),
        ]
    });
    assert_eq!(GridSampler.count(&Space { parameters: pairs.collect() }), Some(3_u128.pow(40)));
}

#[test]
fn a_draw_does_not_depend_on_the_other_parameters() {
    let open = Domain::Float { low: 0.0, high: 1.0, step: None, log: false, points: None };
    let one = Space { parameters: vec![parameter("a", open.clone())] };
    let two = Space { parameters: vec![parameter("b", open.clone()), parameter("a", open)] };
    let sampler = RandomSampler { trials: 10, seed: 1 };
    for index in (0..10).rev() {
        let (alone, beside) =
            (sampler.propose(&one, index).unwrap(), sampler.propose(&two, index).unwrap());
        assert_eq!(alone["a"], beside["a"]);
        assert_ne!(beside["a"], beside["b"]);
    }
    assert_eq!(sampler.propose(&one, 10), None);
}

#[test]
fn a_random_zip_group_draws_one_row() {
    let space = Space {
        parameters: vec![
            zip(parameter("a", ints(&[1, 2, 3])), "g"),
            zip(parameter("b", ints(&[1, 2, 3])), "g"),
        ],
    };
    let drawn = RandomSampler { trials: 50, seed: 3 }.propose_up_to(&space, 50);
    assert!(drawn.iter().all(|assignment| assignment["a"] == assignment["b"]));
    assert_eq!(drawn.iter().map(text).collect::<HashSet<_>>().len(), 3);
}

/// Small spaces with zip groups and conditions on earlier parameters.
fn spaces() -> impl Strategy<Value = Space> {
    let one =
        (1..4_i64, proptest::option::of(0..2_usize), proptest::option::of((0..5_usize, 1..4_i64)));
    proptest::collection::vec(one, 1..6).prop_map(|ones| {
        let lens = [2, 3];
        let mut parameters: Vec<Parameter> = Vec::new();
        for (position, (len, group, condition)) in ones.into_iter().enumerate() {
            let len = group.map_or(len, |group| lens[group]);
            let mut new = parameter(&format!("p{position}"), ints(&(1..=len).collect::<Vec<_>>()));
            // Groups that wait for each other are not validated space, so zipped parameters
            // name none but plain ones.
            new.when = condition.and_then(|(other, value)| {
                let other = parameters.get(other)?;
                (group.is_none() || (other.zip.is_none() && other.when.is_none()))
                    .then(|| Condition { key: other.key.clone(), values: vec![Value::Int(value)] })
            });
            new.zip = group.map(|group| format!("g{group}"));
            parameters.push(new);
        }
        Space { parameters }
    })
}

/// By brute force: every point of every axis, inactive parameters taken out, equal assignments
/// once.
fn expanded(space: &Space) -> HashSet<String> {
    let mut rows: Vec<Vec<(String, usize)>> = vec![vec![]];
    for parameter in &space.parameters {
        let axis = parameter.zip.clone().unwrap_or_else(|| parameter.key.clone());
        if rows[0].iter().any(|(name, _)| *name == axis) {
            continue;
        }
        let len = parameter.domain.points().unwrap().len();
        rows = rows
            .into_iter()
            .flat_map(|row| (0..len).map(move |index| (row.clone(), index)))
            .map(|(mut row, index)| {
                row.push((axis.clone(), index));
                row
            })
            .collect();
    }
    rows.iter()
        .map(|row| {
            let mut assignment = Assignment::new();
            for parameter in &space.parameters {
                let axis = parameter.zip.as_ref().unwrap_or(&parameter.key);
                let index = row.iter().find(|(name, _)| name == axis).unwrap().1;
                if parameter.is_active(&assignment) {
                    assignment.insert(
                        parameter.key.clone(),
                        parameter.domain.points().unwrap()[index].clone(),
                    );
                }
            }
            text(&assignment)
        })
        .collect()
}

proptest! {
    #[test]
    fn the_grid_has_each_combination_once_and_counts_them(space in spaces()) {
        let proposed = all(&space);
        let distinct: HashSet<String> = proposed.iter().map(text).collect();
        prop_assert_eq!(GridSampler.count(&space), Some(proposed.len() as u128));
        prop_assert_eq!(distinct.len(), proposed.len());
        prop_assert_eq!(distinct, expanded(&space));
    }

    #[test]
    fn any_index_is_reached_alone(space in spaces(), share in 0.0..1.0_f64) {
        let proposed = all(&space);
        let index = (share * proposed.len() as f64) as usize;
        prop_assert_eq!(
            GridSampler.propose(&space, index as u128),
            Some(proposed[index].clone())
        );
    }

    #[test]
    fn random_proposals_lie_in_their_domains_and_are_reproducible(
        space in spaces(),
        seed: u64,
    ) {
        let sampler = RandomSampler { trials: 8, seed };
        for index in 0..8 {
            let assignment = sampler.propose(&space, index).unwrap();
            prop_assert_eq!(sampler.propose(&space, index), Some(assignment.clone()));
            for parameter in &space.parameters {
                prop_assert_eq!(
                    parameter.is_active(&assignment),
                    assignment.contains_key(&parameter.key)
                );
                prop_assert!(
                    assignment
                        .get(&parameter.key)
                        .is_none_or(|value| parameter.domain.contains(value))
                );
            }
        }
    }
}
