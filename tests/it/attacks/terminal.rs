//! S50 and S51: what drives a terminal and comes from outside is shown, never obeyed.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

use super::lab::{EXPERIMENT, Lab, text, unsealed};

/// Cursor and colours (CSI), title (OSC 0), link (OSC 8), clipboard (OSC 52), device strings (DCS,
/// APC), the same in C1, bell, reset, bidirectional overrides and isolates, zero-width and tag
/// characters, and what a line end can do.
const SEQUENCES: [&str; 18] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}[31m",
    "\u{1b}]0;pwned\u{7}",
    "\u{1b}]8;;http://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "\u{1b}]52;c;cHduZWQ=\u{7}",
    "\u{1b}P$q\"p\u{1b}\\",
    "\u{1b}_apc\u{1b}\\",
    "\u{9b}31m",
    "\u{9d}0;pwned\u{9c}",
    "\u{90}q\u{9c}",
    "\u{7}",
    "\u{1b}c",
    "\u{202e}txt.exe",
    "\u{2066}x\u{2069}",
    "\u{200b}\u{200d}\u{feff}",
    "\u{e0041}",
    "\r\u{8}\u{7f}",
    "\u{0}",
];

/// What none of our own output holds: the dashboard moves, colours and clears, but sets no title,
/// link or clipboard, and rings no bell.
const NEVER: [&[u8]; 12] = [
    b"\x1b]0;",
    b"\x1b]8;",
    b"\x1b]52",
    b"\x1bP",
    b"\x1b_",
    b"\x1bc",
    b"\x07",
    b"\xc2\x9b",
    b"\xc2\x9d",
    b"\xc2\x90",
    b"\xe2\x80\xae",
    b"\xf3\xa0\x81\x81",
];

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn toml(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ' {
                c.to_string()
            } else {
                format!("\\U{:08X}", u32::from(c))
            }
        })
        .collect()
}

/// A trained sweep, in whose files another program then wrote hostile text wherever text can stand.
fn hostile() -> Lab {
    let all = SEQUENCES.concat();
    let lab = Lab::with(
        &EXPERIMENT.replace("[data]", &format!("question = \"Q{}\"\n[data]", toml(&all))),
    );
    lab.sweep();
    let (in_json, in_toml) = (json(&all), toml(&all));
    let edit = |path: &std::path::Path, from: &str, to: String| {
        let text = unsealed(&std::fs::read_to_string(path).unwrap());
        assert!(text.contains(from), "{} has no {from}: {text}", path.display());
        std::fs::write(path, text.replacen(from, &to, 1)).unwrap();
    };
    let runs = lab.runs();
    for run in &runs {
        let events = run.join("attempts/1/events.jsonl");
        edit(&events, "\"device\":\"fake (flex)\"", format!("\"device\":\"flex{in_json}\""));
        let line = std::fs::read_to_string(&events).unwrap();
        let first = line.lines().next().unwrap();
        let at = first.split("\"at\":\"").nth(1).unwrap().split('"').next().unwrap();
        // A warning, a line that is none, and an event of a kind that nobody knows.
        let warning = format!(
            "{{\"v\":1,\"seq\":1,\"at\":\"{at}{in_json}\",\"event\":\"warning\",\
             \"message\":\"W{in_json}\"}}"
        );
        let unknown = format!("{{\"v\":1,\"seq\":2,\"at\":\"{at}\",\"event\":\"{in_json}\"}}");
        std::fs::write(
            &events,
            line.replacen(first, &format!("{first}\n{warning}\n{unknown}\n{all}"), 1),
        )
        .unwrap();
        edit(
            &run.join("attempts/1/attempt.json"),
            "\"host\": \"",
            format!("\"host\": \"{in_json}"),
        );
        edit(
            &run.join("trial.toml"),
            "\"model.hidden_size\" =",
            format!("\"model.{in_toml}\" = \"{in_toml}\"\n\"model.hidden_size\" ="),
        );
    }
    edit(
        &runs[0].join("result.json"),
        "\"name\": \"persistence\"",
        format!("\"name\": \"persistence{in_json}\""),
    );
    let result = runs[1].join("result.json");
    let mut value: serde_json::Value =
        serde_json::from_str(&unsealed(&std::fs::read_to_string(&result).unwrap())).unwrap();
    (value["end"], value["reason"]) = ("failed".into(), format!("R{all}").into());
    std::fs::write(&result, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
    let manifest = lab.path().join("runs/small/sweep.toml");
    edit(&manifest, "target_unit = \"", format!("target_unit = \"{in_toml}"));
    edit(&manifest, "name = \"small\"", format!("name = \"small{in_toml}\""));
    // A run's folder, and a sweep's, with such a name.
    let bad: String = all.chars().filter(|c| *c != '\0' && *c != '/').collect();
    let folder: String = bad.chars().take(60).collect();
    std::fs::create_dir(lab.path().join("runs/small/trials").join(format!("x{folder}"))).unwrap();
    std::fs::create_dir_all(lab.path().join("runs").join(format!("y{folder}")).join("trials"))
        .unwrap();
    lab
}

/// Whatever a verb prints of hostile files drives no terminal; in a pipe it holds no escape at all.
#[test]
fn no_verb_prints_what_drives_a_terminal() {
    let lab = hostile();
    let runs: Vec<String> =
        lab.runs().iter().filter_map(|run| run.file_name()?.to_str().map(str::to_owned)).collect();
    let first = format!("small/{}", runs[0]);
    let second = format!("small/{}", runs[1]);
    for arguments in [
        &["runs"][..],
        &["runs", "small"],
        &["show", &first],
        &["show", &second],
        &["compare", "small"],
        &["compare", "small", "small", "--intervals"],
        &["report", "small", "--format", "md"],
        &["evaluate", &first],
        &["evaluate", &second],
        &["predict", &second, "--data", "none.csv"],
        &["backtest", "small"],
        &["watch", "small"],
        &["compare", "no\u{1b}]0;x\u{7}"],
        &["compare", "--view", "no\u{1b}]0;x\u{7}"],
        &["check", "no\u{1b}]0;x\u{7}.toml"],
        &[
            "check",
            "small.toml",
            "--backend",
            "flex",
            "--set",
            "train.loss=\u{1b}]0;x\u{7}\u{9b}31m\u{202e}",
        ],
        &["sweep", "small.toml", "--backend", "flex", "--plain"],
        &["leakcheck", "small.toml"],
    ] {
        let output = lab.run(arguments);
        let said = text(&output);
        let hidden: Vec<char> = said
            .chars()
            .filter(|c| *c != '\n' && kiln::text::clean(&c.to_string()) != c.to_string())
            .collect();
        assert!(hidden.is_empty(), "{arguments:?} prints {hidden:?}: {said}");
        assert!(output.status.code().is_some_and(|code| code != 1), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    }
}

/// Experiment files are quoted in messages: their text, too, is shown and not obeyed.
#[test]
fn messages_about_hostile_files_drive_no_terminal() {
    for sequence in SEQUENCES {
        for experiment in [
            format!("name = \"{}\"\n", toml(sequence)),
            EXPERIMENT.replace("epochs = 3", &format!("\"{}\" = 3", toml(sequence))),
            // As they stand, which TOML forbids for some.
            EXPERIMENT.replace("epochs = 3", &format!("epochs = \"{sequence}\"")),
            EXPERIMENT.replace("epochs = 3", &format!("{sequence} = 3")),
            EXPERIMENT.replace("epochs = 3", &format!("epochs = -3 # {sequence}")),
            EXPERIMENT.replace(
                "synthetic = { bars = 600, beta2 = 0.1, volatility = \"constant\" }",
                &format!("source = \"{}.csv\"", toml(sequence)),
            ),
        ] {
            let (code, said) = Lab::with(&experiment).check();
            let hidden: Vec<char> = said
                .chars()
                .filter(|c| *c != '\n' && kiln::text::clean(&c.to_string()) != c.to_string())
                .collect();
            assert!(code == 2 || code == 0, "{said}");
            assert!(hidden.is_empty(), "{hidden:?}: {said}");
        }
        // Headers and values of bars.
        let lab = Lab::with(
            "name = \"small\"\ndata = { source = \"bars.csv\", features = [\"log_return\"] }\n",
        );
        for bars in [
            format!(
                "ts,open,high,low,close,{sequence}\n1715131860,1,2,1,2,3\n\
                 1715131920,1,2,1,{sequence},3\n"
            ),
            format!("ts,open{sequence},high,low,close\n1715131860,1,2,1,2\n"),
            format!("ts,open,high,low,close\n{sequence},1,2,1,2\n"),
        ] {
            lab.write("bars.csv", bars.as_bytes());
            let said = lab.check().1;
            let hidden: Vec<char> = said
                .chars()
                .filter(|c| *c != '\n' && kiln::text::clean(&c.to_string()) != c.to_string())
                .collect();
            assert!(hidden.is_empty(), "{hidden:?}: {said}");
        }
    }
}

/// The program in a pseudo-terminal: every byte that it wrote, and what the terminal then shows.
struct Session {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    heard: Receiver<Vec<u8>>,
    bytes: Vec<u8>,
    screen: vt100::Parser,
    _pair: Box<dyn portable_pty::MasterPty + Send>,
}

impl Session {
    fn start(lab: &Lab, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_kiln"));
        command.args(arguments);
        command.cwd(lab.path());
        command.env("KILN_TRAINER", "fake");
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR");
        for (name, value) in settings {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let size = |cells| std::num::NonZeroU16::new(cells).unwrap();
        let screen = vt100::Parser::new(size(40), size(120), 0);
        Self { child, keys, heard, bytes: Vec::new(), screen, _pair: pair.master }
    }

    fn hear(&mut self, wait: Duration) {
        while let Ok(bytes) = self.heard.recv_timeout(wait) {
            self.screen.process(&bytes);
            self.bytes.extend(bytes);
        }
    }

    fn see(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            self.hear(Duration::from_millis(20));
            let contents = self.screen.screen().contents();
            if contents.contains(text) {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "'{text}' never came; the screen:\n{contents}"
            );
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self.hear(Duration::from_millis(150));
    }

    fn end(mut self) -> Vec<u8> {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            self.hear(Duration::from_millis(20));
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        }
        self.hear(Duration::from_millis(100));
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It fails only when the program has ended already.
        drop(self.child.kill());
    }
}

#[test]
fn the_dashboard_shows_hostile_text_and_obeys_none_of_it() {
    let lab = hostile();
    let mut session = Session::start(&lab, &["watch", "small"], &[]);
    session.see("small\\u{1b}");
    // Every screen: detail, log, curves, help, filter, comparison.
    for keys in [
        "\r",
        "\x1b",
        "l",
        "\x1b",
        "c",
        "\x1b",
        "?",
        "\x1b",
        "/\u{9b}x\r",
        "\x1b",
        "j",
        "\r",
        "\x1b",
        "j",
        " ",
        "v",
        "\x1b",
    ] {
        session.press(keys);
    }
    let contents = session.screen.screen().contents();
    session.press("q");
    session.press("q");
    session.press("\u{3}");
    let bytes = session.end();
    for sequence in NEVER {
        assert!(
            !holds(&bytes, sequence),
            "{:?} reached the terminal; the screen:\n{contents}",
            String::from_utf8_lossy(sequence)
        );
    }
}

/// Verbs that print on a terminal, too.
#[test]
fn tables_and_errors_on_a_terminal_drive_it_nowhere() {
    let lab = hostile();
    for arguments in [
        &["runs"][..],
        &["compare", "small"],
        &["show", "small"],
        &["check", "x\u{1b}]0;x\u{7}.toml"],
    ] {
        let bytes = Session::start(&lab, arguments, &[]).end();
        assert!(!bytes.is_empty());
        for sequence in NEVER {
            assert!(
                !holds(&bytes, sequence),
                "{arguments:?}: {:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}

#[test]
fn what_is_no_terminal_gets_no_escapes_and_no_color_is_honoured() {
    let lab = Lab::new();
    for arguments in [
        &["sweep", "small.toml", "--backend", "flex"][..],
        &["check", "small.toml", "--backend", "flex"],
        &["check", "none.toml"],
        &["runs"],
        &["runs", "small"],
        &["compare", "small"],
        &["report", "small", "--format", "md"],
        &["doctor"],
        &["watch", "small"],
        &["--help"],
        &["sweep", "--help"],
        &["nonsense"],
    ] {
        let output = lab.kiln(arguments).env("TERM", "xterm-256color").output().unwrap();
        assert!(!text(&output).contains('\u{1b}'), "{arguments:?}: {}", text(&output));
    }
    // On a terminal: colours, but with NO_COLOR none. (Bold and dim are no colours.)
    let colours = |settings: &[(&str, &str)]| {
        let mut session = Session::start(&lab, &["watch", "small"], settings);
        session.see("trials 2");
        session.press("q");
        let bytes = session.end();
        let mut set = 0;
        for part in String::from_utf8_lossy(&bytes).split("\u{1b}[").skip(1) {
            let Some((parameters, _)) = part.split_once('m').filter(|(parameters, _)| {
                parameters.chars().all(|c| c.is_ascii_digit() || c == ';')
            }) else {
                continue;
            };
            set += parameters
                .split(';')
                .filter(|code| {
                    matches!(code.parse(), Ok(30..=38 | 40..=48 | 58 | 90..=97 | 100..=107))
                })
                .count();
        }
        set
    };
    assert!(colours(&[]) > 0, "a terminal has colours");
    assert_eq!(colours(&[("NO_COLOR", "1")]), 0);
}
