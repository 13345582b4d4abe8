use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> Test {
    text.parse::<Rule>().unwrap_or_else(|error| panic!("{error}")).test
}

#[test]
fn rules_are_read() {
    let fact = |of_champion, what| Fact { of_champion, what };
    let skill = What::Metric(Metric::DEFAULT, End::Low);
    assert_eq!(parsed(" crowned "), Test::Crowned);
    assert_eq!(
        parsed("valid.skill.low>0"),
        Test::Compared {
            left: Term::Fact { factor: 1.0, fact: fact(false, skill) },
            order: Order::More,
            right: Term::Number(0.0)
        }
    );
    let rmse = What::Metric("test.rmse".parse().unwrap(), End::Value);
    assert_eq!(
        parsed("test.rmse <= 1.02 * champion.test.rmse"),
        Test::Compared {
            left: Term::Fact { factor: 1.0, fact: fact(false, rmse) },
            order: Order::AtMost,
            right: Term::Fact { factor: 1.02, fact: fact(true, rmse) },
        }
    );
    for text in [
        "trials <= 500",
        "rank == 1",
        "spa < 1e-2",
        "-0.5 <= valid.ic.high",
        "champion.trials >= trials",
    ] {
        assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
    }
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_is_legal() {
    let error = |text: &str| text.parse::<Rule>().unwrap_err().to_string();
    assert!(error("valid.skil > 0").starts_with(
        "rule 'valid.skil > 0', character 1: 'valid.skil' is not a fact; did you \
                mean 'valid.skill'? (a fact is"
    ));
    assert!(
        error("valid.skill => 0")
            .contains("character 13: '=>' where one of <, <=, >, >= or == is expected"),
        "{}",
        error("valid.skill => 0")
    );
    assert!(error("valid.skill").contains("character 12: it ends where one of <"));
    assert!(error("valid.skill >").contains("character 14: it ends where a number or a fact"));
    assert!(
        error("valid.skill > 0 and crowned").contains("character 17: 'and' after the rule's end")
    );
    assert!(error("valid.skill > 1e999").contains("not a finite number"));
    assert!(error("1 > 0").contains("two numbers"));
    assert!(error("crowned == 1").contains("'==' after the rule's end"));
    assert!(error("1 == crowned").contains("stands alone"));
    assert!(
        error("train.rmse < 1").contains("is not a fact")
            && error("valid.loss < 1").contains("is not a fact")
    );
    assert!(error("valid.rmse < nan").contains("is not a fact") && error("").contains("it ends"));
    assert!(!error("\u{1b}[31m > 0").contains('\u{1b}'));
    assert!(error(&"x".repeat(1000)).len() < 500);
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_is_read_again(
        text in "\\PC{0,40}|[a-z.<>=* 0-9]{0,40}",
    ) {
        if let Ok(rule) = text.parse::<Rule>() {
            prop_assert_eq!(&rule.to_string().parse::<Rule>().unwrap().test, &rule.test);
        }
    }
}
