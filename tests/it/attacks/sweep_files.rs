//! S42 to S46: experiment files and the data that they name.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use super::lab::{EXPERIMENT, Lab, text};
use crate::skip::skip;

/// What is refused is refused within this, however slow the machine.
const SOON: Duration = Duration::from_secs(20);

/// Whatever the file holds, the program says what is wrong with it in little time and few words.
fn refused(lab: &Lab) -> String {
    let begun = Instant::now();
    let (code, said) = lab.check();
    let start: String = said.chars().take(2000).collect();
    assert_eq!(code, 2, "{start}");
    assert!(begun.elapsed() < SOON, "it took {:?}: {start}", begun.elapsed());
    assert!(said.len() < 100_000, "{} bytes were said: {start}", said.len());
    assert!(!said.contains("panicked") && !said.contains("this is a bug"), "{start}");
    said
}

/// 10 parameters of 10 values each are 10^10 trials: refused with that number before anything is
/// expanded.
#[test]
fn a_grid_of_ten_thousand_million_trials_is_refused_with_their_number() {
    const KEYS: [&str; 10] = [
        "\"data.window\" = { int = [4, 40], points = 10 }",
        "\"data.step\" = { int = [1, 10] }",
        "\"model.hidden_size\" = { int = [8, 80], points = 10 }",
        "\"train.learning_rate\" = { log = [1e-4, 1e-2], points = 10 }",
        "\"train.batch_size\" = { int = [16, 160], points = 10 }",
        "\"train.seed\" = { int = [1, 10] }",
        "\"train.clip_norm\" = { float = [0.5, 5.0], points = 10 }",
        "\"train.optimizer.beta1\" = { float = [0.8, 0.9], points = 10 }",
        "\"train.optimizer.beta2\" = { float = [0.9, 0.99], points = 10 }",
        "\"train.optimizer.weight_decay\" = { float = [0.0, 0.1], points = 10 }",
    ];
    let head = EXPERIMENT.split("[sweep.space]").next().unwrap();
    let lab = Lab::with(&format!("{head}[sweep.space]\n{}\n", KEYS.join("\n")));
    let said = refused(&lab);
    assert!(
        said.contains("the sweep has 10000000000 trials, more than the limit of 10000"),
        "{said}"
    );
    assert!(said.contains("--max-trials"), "{said}");
    assert!(!lab.path().join("runs").exists());
    // More than numbers can count is no other case.
    let many = "{ float = [0.0, 1.0], step = 1e-12 }";
    let space = ["dropout", "x"].map(|_| many);
    let lab = Lab::with(&format!(
        "{head}[sweep.space]\n\"train.optimizer.weight_decay\" = {}\n\"train.optimizer.beta1\" = \
            {{ float = [0.0, 0.9], step = 1e-12 }}\n\"train.optimizer.beta2\" = {{ float = [0.0, \
            0.9], step = 1e-12 }}\n\"train.learning_rate\" = {{ float = [1e-12, 0.9], step = 1e-12 \
            }}\n",
        space[0]
    ));
    let said = refused(&lab);
    assert!(said.contains("more than 2^128 trials") || said.contains("points"), "{said}");
}

/// The limit is the user's to move, both ways.
#[test]
fn the_limit_of_trials_is_an_argument() {
    let lab = Lab::new();
    for (limit, code) in [("1", Some(2)), ("2", Some(0))] {
        for verb in [&["check"][..], &["sweep", "--plain"]] {
            let arguments =
                [verb, &["small.toml", "--backend", "flex", "--max-trials", limit]].concat();
            let output = lab.run(&arguments);
            assert_eq!(output.status.code(), code, "{arguments:?}: {}", text(&output));
        }
    }
    let many: Vec<String> = (1..=10_001).map(|seed| seed.to_string()).collect();
    let head = EXPERIMENT.split("[sweep.space]").next().unwrap();
    let lab = Lab::with(&format!("{head}[sweep.space]\n\"train.seed\" = [{}]\n", many.join(",")));
    assert!(refused(&lab).contains("10001 trials, more than the limit of 10000"));
    let folds = "[data]\nsplit = { kind = \"walk_forward\", folds = 100 }";
    let lab = Lab::with(&format!(
        "{}[sweep]\nrepeats = 101\n",
        head.replace("[data]", folds).replace("bars = 600", "bars = 20000")
    ));
    assert!(refused(&lab).contains("the sweep has 10100 trials"), "folds count");
}

#[test]
fn what_nests_a_hundred_thousand_deep_is_refused() {
    let deep = 100_000;
    let cases = [
        format!("x = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("x = {}", "[".repeat(deep)),
        format!("{}x = 1", "a.".repeat(deep)),
        format!("[{}x]\ny = 1", "a.".repeat(deep)),
        // As deep as the parser lets it be: each of 79 tables below a key of 79 parts.
        format!(
            "{}x = {}1{}",
            "a.".repeat(78),
            format!("{{{}b = ", "a.".repeat(78)).repeat(78),
            "}".repeat(78)
        ),
        (0..20_000).fold(String::new(), |mut text, i| {
            write!(text, "[a.b.c.d{i}]\nx = 1\n").unwrap();
            text
        }),
    ];
    for text in cases {
        let start: String = text.chars().take(60).collect();
        let said = refused(&Lab::with(&text));
        assert!(said.contains("small.toml"), "{start}: {said}");
    }
    // In an argument, too.
    let lab = Lab::new();
    for argument in
        [format!("data.window={}", "[".repeat(50_000)), format!("{}x=1", "a.".repeat(50_000))]
    {
        let output = lab.run(&["check", "small.toml", "--backend", "flex", "--set", &argument]);
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn keys_and_files_of_any_length_are_refused_in_few_words() {
    let long = "k".repeat((1 << 20) - 100);
    let said = refused(&Lab::with(&format!("{long} = 1\n")));
    assert!(said.contains("unknown key"), "{said}");
    refused(&Lab::with(&format!("[data]\nsource = \"{long}\"\n")));
    refused(&Lab::with(&format!("name = \"{long}\"\n[data]\nsynthetic = {{ bars = 600 }}\n")));
    refused(&Lab::with(&format!("question = [\"{long}\"]\n")));
    let lab = Lab::new();
    File::create(lab.path().join("small.toml")).unwrap().set_len(100 << 20).unwrap();
    assert!(refused(&lab).contains("larger than 1 MiB"));
    // Nothing but mistakes.
    let keys = (0..80_000).fold(String::new(), |mut text, i| {
        writeln!(text, "k{i} = 1").unwrap();
        text
    });
    let said = refused(&Lab::with(&keys));
    assert!(
        said.contains("a table of 80000 keys") && said.contains("small.toml:1001:1"),
        "{}",
        &said[said.len() - 200..]
    );
    let values = format!("{EXPERIMENT}\"train.batch_size\" = [{}]\n", "0.5,".repeat(100_000));
    assert!(refused(&Lab::with(&values)).contains("mistakes in small.toml"));
    let broken = "= = =\n".repeat(100_000);
    refused(&Lab::with(&broken));
}

#[test]
fn a_mark_and_windows_line_ends_are_read_and_wrong_keys_are_named() {
    let (code, said) = Lab::with(&format!("\u{feff}{}", EXPERIMENT.replace('\n', "\r\n"))).check();
    assert_eq!(code, 0, "{said}");
    let said = refused(&Lab::with(&EXPERIMENT.replace("epochs = 3", "epochs = 3\r\nepochs = 4")));
    assert!(
        said.contains("the key 'epochs' is given twice") && said.contains("small.toml:12"),
        "{said}"
    );
    let said = refused(&Lab::with(&EXPERIMENT.replace("epochs = 3", "epoch = 3")));
    assert!(
        said.contains("unknown key 'epoch'")
            && said.contains("did you mean 'epochs'?")
            && said.contains("small.toml:11:1"),
        "{said}"
    );
    let mut bytes = EXPERIMENT.as_bytes().to_vec();
    bytes.extend(b"# caf\xe9\n");
    let lab = Lab::new();
    lab.write("small.toml", &bytes);
    assert!(refused(&lab).contains("not UTF-8 text (line 16)"));
    lab.write("small.toml", b"name = \"a\0b\"\n");
    refused(&lab);
}

#[test]
fn numbers_that_are_none_are_refused_with_line_and_column() {
    for value in [
        "nan",
        "inf",
        "-inf",
        "-0.001",
        "0.0",
        "9223372036854775808",
        "-9223372036854775809",
        "1e400",
        "0x8000000000000000",
    ] {
        let said = refused(&Lab::with(
            &EXPERIMENT.replace("epochs = 3", &format!("epochs = 3\nlearning_rate = {value}")),
        ));
        assert!(said.contains("small.toml:12:17"), "{value}: {said}");
    }
    for (key, value) in [
        ("epochs", "9223372036854775807"),
        ("epochs", "-1"),
        ("batch_size", "1000000000000"),
        ("seed", "-9223372036854775808"),
        ("clip_norm", "nan"),
    ] {
        let said =
            refused(&Lab::with(&EXPERIMENT.replace("epochs = 3", &format!("{key} = {value}"))));
        assert!(
            said.contains(&format!("small.toml:11:{}", key.len() + 4)),
            "{key} = {value}: {said}"
        );
    }
    let said = refused(&Lab::with(&format!("{EXPERIMENT}\"train.learning_rate\" = [1e-3, nan]\n")));
    assert!(said.contains("small.toml:16:32"), "{said}");
}

/// A name becomes a folder, or is refused: nothing outside `runs/` is made, and nothing runs.
#[test]
fn names_become_folders_below_runs_or_are_refused() {
    let long = "x".repeat(300);
    let hostile = [
        "a/b",
        "/abs",
        "..",
        "../x",
        ".",
        "",
        ".hidden",
        "a\0b",
        "a\nb",
        &long,
        "📈",
        "-rf",
        "--help",
        "$(touch x)",
        "`touch x`",
        "a;touch x",
        "a b",
        "a\u{202e}b",
        "a\u{1b}[31mb",
        "con ",
        "trailing.",
        "~",
        "*",
        "%2e%2e",
        "a\\b",
        "views",
        "sweep",
    ];
    for name in hostile {
        let toml: String = name
            .chars()
            .flat_map(|c| format!("\\U{:08X}", u32::from(c)).chars().collect::<Vec<_>>())
            .collect();
        let lab = Lab::with(&EXPERIMENT.replace("name = \"small\"", &format!("name = \"{toml}\"")));
        let before: Vec<_> = std::fs::read_dir(lab.path().parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        let output = lab.run(&["sweep", "small.toml", "--backend", "flex", "--plain"]);
        let said = text(&output);
        assert!(!said.contains(['\u{1b}', '\u{202e}', '\0']), "{name:?}: {said:?}");
        match output.status.code() {
            Some(0) => {
                let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
                assert!(name.chars().all(plain), "{name:?} was taken for a name");
                assert!(
                    lab.path().join("runs").join(name).join("sweep.toml").is_file(),
                    "{name:?}"
                );
            }
            Some(2) => assert!(
                !lab.path().join("runs").exists() || !lab.path().join("runs").join("x").exists(),
                "{name:?}"
            ),
            code => panic!("{name:?}: {code:?}: {said}"),
        }
        let mut names: Vec<_> = std::fs::read_dir(lab.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.retain(|name| name != "small.toml" && name != "runs");
        assert!(names.is_empty(), "{name:?} made {names:?}");
        let _ = before;
    }
}

/// Values reach the workers in files, never in a command line that something interprets.
#[test]
fn hostile_values_and_paths_reach_no_shell() {
    let lab = Lab::new();
    let folder = lab.path().join("a b;touch pwned $(touch pwned2) `touch pwned3` '\"");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("small.toml"),
        EXPERIMENT
            .replace("[data]", "question = \"$(touch pwned4)`touch pwned5`;touch pwned6\"\n[data]"),
    )
    .unwrap();
    let output = lab
        .kiln(&["sweep", "small.toml", "--backend", "flex", "--plain"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let pwned: Vec<_> = super::lab::below(lab.path())
        .into_iter()
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pwned"))
        })
        .collect();
    assert!(pwned.is_empty(), "{pwned:?}");
}

const FILE: &str = r#"
name = "small"
[data]
source = "bars.csv"
bar_label = "start"
features = ["log_return"]
target = { horizon = 1, kind = "log_return" }
window = 4
[train]
epochs = 3
early_stopping = false
schedule = { kind = "constant" }
"#;

const HEADER: &str = "ts,open,high,low,close,volume\n";

fn rows(count: usize) -> String {
    (0..count).fold(String::from(HEADER), |mut text, row| {
        writeln!(text, "{},1.5,2,1,1.7{},10", 1_715_131_860 + 60 * row, row % 10).unwrap();
        text
    })
}

/// The peak of the memory of `kiln check`, which must refuse, in MiB; and what it said.
#[cfg(target_os = "linux")]
fn peak(lab: &Lab) -> (u64, String) {
    let mut command = lab.kiln(&["check", "small.toml", "--backend", "flex"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    loop {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = peak.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        assert!(begun.elapsed() < SOON, "it does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    (peak, text(&output))
}

/// What the program takes before it reads anything is less than this, MiB.
#[cfg(target_os = "linux")]
const AT_REST: u64 = 200;

#[cfg(target_os = "linux")]
#[test]
fn a_million_columns_an_open_quote_of_a_gigabyte_and_a_bomb_are_refused_in_little_memory() {
    let lab = Lab::with(FILE);
    let wide: String =
        (0..1_000_000).fold(String::from("ts,open,high,low,close"), |mut text, column| {
            write!(text, ",c{column}").unwrap();
            text
        });
    lab.write("bars.csv", format!("{wide}\n{}\n", "1,".repeat(1_000_000)).as_bytes());
    let (memory, said) = peak(&lab);
    assert!(
        memory < AT_REST && said.contains("the first line is longer than"),
        "{memory} MiB: {said}"
    );

    // A gigabyte of nothing behind a quote, in a file that takes no room on the disk.
    let path = lab.write("bars.csv", format!("{}1715191920,\"", rows(1000)).as_bytes());
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(1 << 30).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(b"\n").unwrap();
    let (memory, said) = peak(&lab);
    assert!(memory < AT_REST, "{memory} MiB: {said}");
    assert!(said.contains("line 1002: a quote is opened and never closed"), "{said}");

    // The same without a quote: one line.
    lab.write("bars.csv", rows(1000).as_bytes());
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 30).unwrap();
    let (memory, said) = peak(&lab);
    assert!(
        memory < AT_REST && said.contains("line 1002: the line has no end"),
        "{memory} MiB: {said}"
    );

    // 300 MiB of rows in 300 kB: packed by a tool that is on every machine with a test like this,
    // or else left out aloud.
    let lab = Lab::with(&FILE.replace("bars.csv", "bars.csv.gz"));
    let packed = std::process::Command::new("bash")
        .arg("-c")
        .arg(
            "(printf 'ts,open,high,low,close,volume\\n1715131860,1,2,1,2,3\\n'; yes \
            '1715131920,1,2,1,2,3' | head -c 300000000) | gzip -9 > bars.csv.gz",
        )
        .current_dir(lab.path())
        .status();
    if !packed.is_ok_and(|status| status.success()) {
        return skip("gzip", "there is no gzip to pack a bomb with");
    }
    let (memory, said) = peak(&lab);
    assert!(
        memory < AT_REST + 400 && said.contains("unpacks to more than"),
        "{memory} MiB: {said}"
    );
}

#[test]
fn mixed_encodings_are_an_error_with_a_line_or_do_no_harm() {
    let lab = Lab::with(FILE);
    let refused_with = |text: &[u8], what: &str| {
        lab.write("bars.csv", text);
        let said = refused(&lab);
        assert!(said.contains(what), "{said}");
    };
    let utf16: Vec<u8> = rows(50).encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused_with(&utf16, "is not text");
    refused_with(b"\xff\xfet\0s\0", "UTF-16");
    refused_with(b"ts,open,high,low,close,caf\xe9\n1715131860,1,2,1,2,3\n", "not UTF-8");
    let broken = rows(50).replacen("1715131980,1.5", "1715131980,1\u{ff0c}5", 1);
    refused_with(broken.as_bytes(), "line 4, column 'open'");
    let mut latin = rows(50).into_bytes();
    latin.extend(b"1715140000,1.5,2,1,\xa01.7,10\n");
    refused_with(&latin, "line 52, column 'close'");
    let mut nul = rows(50).into_bytes();
    nul.extend(b"17151\x0040000,1.5,2,1,1.7,10\n");
    refused_with(&nul, "is not text (byte 0x00");
    // In a column that nothing reads.
    let (first, rest) = (HEADER.replace('\n', ",note\n"), rows(600));
    let mut noted = first.into_bytes();
    for line in rest.lines().skip(1) {
        noted.extend(line.as_bytes());
        noted.extend(b",caf\xe9\n");
    }
    lab.write("bars.csv", &noted);
    let (code, said) = lab.check();
    assert_eq!(code, 0, "{said}");
}
