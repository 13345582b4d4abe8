//! Bars that come line by line on standard input.

use super::*;

fn bar(minute: usize) -> String {
    let close = 3000.0 + (minute as f64 * 0.7).sin();
    format!(
        "2026-01-05T{:02}:{:02}:00Z,{close},{},{},{close}\n",
        minute / 60,
        minute % 60,
        close + 1.0,
        close - 1.0
    )
}

/// Lines of a child as they come.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}

fn write(stdin: &mut ChildStdin, text: &str) {
    stdin.write_all(text.as_bytes()).unwrap();
    stdin.flush().unwrap();
}

#[test]
fn each_line_is_answered_before_the_next_one_comes() {
    let lab = quick();
    let mut child = lab.child(&lab.run, &[]);
    let answers = lines(&mut child);
    let next = || answers.recv_timeout(Duration::from_secs(60)).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    write(&mut stdin, HEADER);
    assert_eq!(next(), "bar_start,forecast,persistence,actual,lower,upper");
    // Two bars of warm-up, three more until there is a window; then a gap, and again three.
    (0..5).for_each(|minute| write(&mut stdin, &bar(minute)));
    for minute in (5..20).chain(33..40) {
        let text = bar(minute);
        let (half, rest) = text.split_at(30);
        write(&mut stdin, half);
        write(&mut stdin, rest);
        if !(30..36).contains(&minute) {
            let line = next();
            // the label is the bar's end
            let start = format!("2026-01-05T00:{:02}:00Z,", minute - 1);
            assert!(line.starts_with(&start), "{line} does not start with {start}");
        }
    }
    assert!(answers.try_recv().is_err());
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// What is said besides the warnings that every forecast of this model has: it is worse than a
/// baseline.
fn without_warnings(stderr: Vec<u8>) -> String {
    let text = String::from_utf8(stderr).unwrap();
    text.lines()
        .filter(|line| !line.starts_with("warning: "))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn a_bad_line_is_named_and_what_came_before_it_is_answered() {
    let lab = quick();
    let good: String = std::iter::once(HEADER.to_owned()).chain((0..8).map(bar)).collect();
    for (line, said) in [
        ("2026-01-05T00:08:00Z,3000,3001,2999\n", "stdin: line 10: 4 fields, but the header has 5"),
        (
            "2026-01-05T00:08:00Z,3000,3001,2999,x\n",
            "stdin: line 10: column 'close': 'x' is not a number",
        ),
        (
            "2026-01-05T00:08:00Z,3000,2998,2999,3000\n",
            "stdin: line 10: high 2998 is below low 2999",
        ),
        (
            "2026-01-05T00:08:00Z,3000,3001,2999,300",
            "stdin: line 10: has no line end, so it may have been cut off",
        ),
        (
            "2026-01-05T00:07:00Z,3000,3001,2999,3000\n",
            "stdin: line 10: column 'ts': '2026-01-05T00:07:00Z' does not come after",
        ),
        (
            "2026-01-05T00:03:00Z,3000,3001,2999,3000\n",
            "stdin: line 10: column 'ts': '2026-01-05T00:03:00Z' does not come after",
        ),
        (
            "\u{1b}]0;x\u{7},3000,3001,2999,3000\n",
            "stdin: line 10: column 'ts': '\\u{1b}]0;x\\u{7}' is not a timestamp",
        ),
    ] {
        let output = lab.piped(&lab.run, format!("{good}{line}").as_bytes(), &[]);
        let message = without_warnings(output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.starts_with(said), "{message}");
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1 + 8 - 5);
    }
    for (text, said) in [
        ("", "stdin: is empty"),
        (
            HEADER,
            "stdin: 0 bars without a window: a window is 4 bars without a gap, the first after 2 \
                bars of warm-up",
        ),
        ("a,b,c\n", "stdin: has no column 'ts'"),
    ] {
        let output = lab.piped(&lab.run, text.as_bytes(), &[]);
        let message = without_warnings(output.stderr);
        assert!(output.status.code() == Some(2) && message.starts_with(said), "{message}");
    }
    for more in [&["--last", "3"][..], &["-o", "out.csv"], &["--json"]] {
        let output = lab.piped(&lab.run, good.as_bytes(), more);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
    }
    // Bars of five minutes are none of this model.
    let five: String = (0..12).map(|place| bar(5 * place)).collect();
    fs::write(lab.path("five.csv"), format!("{HEADER}{five}")).unwrap();
    let message = lab.refused(&["predict", &lab.run, "--data", "five.csv"]);
    assert!(message.contains("five.csv: no two of its bars are 60 s apart"), "{message}");
    let output = lab.piped(&lab.run, format!("{HEADER}{five}").as_bytes(), &[]);
    assert!(without_warnings(output.stderr).starts_with("stdin: 12 bars without a window"));
}
