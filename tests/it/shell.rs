//! What a shell is given: completions and man pages, made from the command line itself.

use std::process::{Command, Output};

fn kiln(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kiln")).args(arguments).output().unwrap()
}

/// The verbs that the help names.
fn verbs() -> Vec<String> {
    let help = String::from_utf8(kiln(&["--help"]).stdout).unwrap();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn every_shell_completes_every_verb_and_none_that_is_hidden() {
    let verbs = verbs();
    assert!(verbs.len() > 15 && verbs.iter().any(|verb| verb == "sweep"), "{verbs:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = kiln(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{shell}");
        for verb in &verbs {
            assert!(script.contains(verb.as_str()), "{shell}: {verb}");
        }
        assert!(script.contains("retry-failed"), "{shell}: flags too");
    }
    assert_eq!(kiln(&["completions", "cmd"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn bash_takes_the_completions() {
    let script = kiln(&["completions", "bash"]).stdout;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kiln.bash");
    std::fs::write(&file, script).unwrap();
    let asked = format!(
        "source {} && COMP_WORDS=(kiln sw) COMP_CWORD=1 && _kiln kiln sw kiln && \
         echo ${{COMPREPLY[*]}}",
        file.display()
    );
    let Ok(output) = Command::new("bash").args(["--norc", "-c", &asked]).output() else {
        return super::skip::skip("bash", "bash is not installed");
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "sweep", "{output:?}");
}

#[test]
fn there_is_a_man_page_for_each_verb() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let output = kiln(&["man", pages.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    for verb in verbs().iter().filter(|verb| *verb != "help") {
        let page = std::fs::read_to_string(pages.join(format!("kiln-{verb}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{verb}");
    }
    assert!(pages.join("kiln.1").exists() && !pages.join("kiln-worker.1").exists());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = kiln(&["man", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("man pages cannot be written into it"), "{said}");
}

#[test]
fn durations_may_be_in_minutes_hours_and_days() {
    let refused = |duration: &str| {
        let output = kiln(&["sweep", "nothing.toml", "--stall-warning", duration]);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for duration in ["90s", "5m", "2h", "1d"] {
        assert!(refused(duration).contains("there is no such file"), "{duration}");
    }
    assert!(refused("5").contains("is not a duration"));
    assert!(refused("10ms").contains("less than 1s"));
}
