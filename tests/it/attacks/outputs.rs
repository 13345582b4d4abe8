//! S48 and S49: reports of hostile names, questions and texts. (That cells of CSV are no formulas
//! is tested with the exports, S47.)

use super::lab::{EXPERIMENT, Lab, text, unsealed};

/// Text that would end an element, an attribute, a script or a comment, and run.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "</title><script>alert(2)</script>",
    "\\\"><img src=x onerror=alert(3)>",
    "</script><!--<script>",
    "</svg><script>alert(4)</script>",
    "javascript:alert(5)",
    "&lt;script&gt;",
    "' onmouseover='alert(6)",
];

/// A trained sweep whose files were then filled with hostile text, as another program might have.
fn hostile() -> Lab {
    let question = HOSTILE.join(" ");
    let experiment = EXPERIMENT
        .replace("name = \"small\"", &format!("name = \"small\"\nquestion = \"{question}\""));
    let lab = Lab::with(&experiment);
    lab.sweep();
    let hostile = HOSTILE.join(" ").replace('"', "\\\"").replace("\\\\\"", "\\\"");
    for run in lab.runs() {
        let replace = |file: &str, from: &str, to: &str| {
            let path = run.join(file);
            let text = unsealed(&std::fs::read_to_string(&path).unwrap());
            assert!(text.contains(from), "{file} has no {from}: {text}");
            std::fs::write(&path, text.replace(from, to)).unwrap();
        };
        replace(
            "attempts/1/events.jsonl",
            "\"device\":\"fake (flex)\"",
            &format!("\"device\":\"{hostile}\""),
        );
        replace("result.json", "\"name\": \"persistence\"", &format!("\"name\": \"{hostile}\""));
        replace(
            "trial.toml",
            "\"model.hidden_size\" =",
            &format!("\"model.{hostile}\" = \"{hostile}\"\n\"model.hidden_size\" ="),
        );
    }
    let manifest = lab.path().join("runs/small/sweep.toml");
    let written = unsealed(&std::fs::read_to_string(&manifest).unwrap());
    std::fs::write(
        &manifest,
        written.replace("target_unit = \"log return\"", &format!("target_unit = \"{hostile}\"")),
    )
    .unwrap();
    lab
}

fn page() -> String {
    let lab = hostile();
    let output = lab.run(&["report", "small", "-o", "-", "--format", "html"]);
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The scripts of a page: what is between each `<script …>` and its end.
fn scripts(page: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.to_ascii_lowercase().find("<script") {
        let (head, body) = rest[at..].split_once('>').unwrap();
        let (body, after) = body.split_once("</script>").unwrap();
        found.push((head, body));
        rest = after;
    }
    found
}

#[test]
fn a_report_runs_its_own_scripts_and_no_other_text() {
    let page = page();
    let found = scripts(&page);
    let heads: Vec<&str> = found.iter().map(|(head, _)| *head).collect();
    assert_eq!(
        heads,
        ["<script type=\"application/json\" id=\"data\"", "<script", "<script"],
        "the data, uPlot, the page's own"
    );
    let data: serde_json::Value = serde_json::from_str(found[0].1).unwrap();
    assert!(data.is_object());
    for (_, body) in &found[1..] {
        assert!(!body.contains("alert("), "data stands in a script");
    }
    // The policy lets through these scripts by their hashes and nothing from anywhere.
    let policy = page
        .split("Content-Security-Policy\" content=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    assert!(
        policy.contains("default-src") && policy.contains("none") && policy.contains("sha256-"),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe-inline")
            && !policy.contains("unsafe-eval")
            && !policy.contains("http"),
        "{policy}"
    );
    // No element and no attribute came from data.
    let markup: String =
        scripts(&page).into_iter().fold(page.clone(), |page, (_, body)| page.replace(body, ""));
    for word in ["<img", "<!--<", "<svg onload", "href=\"javascript:", "' onmouseover="] {
        assert!(!markup.contains(word), "{word}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the question is shown");
    assert!(page.contains("&amp;lt;script"), "what looked escaped is escaped");
}

#[test]
fn the_drawings_of_a_report_are_no_way_in_either() {
    let page = page();
    let drawings: Vec<&str> =
        page.split("<svg").skip(1).map(|rest| rest.split("</svg>").next().unwrap()).collect();
    assert!(!drawings.is_empty());
    for drawing in drawings {
        for word in [
            "<script",
            "<image",
            "<foreignObject",
            "<a ",
            "<use",
            "<style",
            " on",
            "javascript:",
            "xlink",
            "href",
        ] {
            // What is between elements, and values in quotes, is text.
            let elements: String = drawing
                .split('<')
                .map(|part| part.split('>').next().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("<");
            let elements: String = elements.split('"').step_by(2).collect();
            assert!(!format!("<{elements}").contains(word), "{word} in {elements}");
        }
    }
}

#[test]
fn markdown_of_a_hostile_sweep_holds_no_markup() {
    let lab = hostile();
    let output = lab.run(&["report", "small", "--format", "md"]);
    assert!(output.status.success(), "{}", text(&output));
    let markdown = text(&output);
    for word in ["<script>", "<img", "<!--<script", "</title>"] {
        assert!(!markdown.contains(word), "{word}: {markdown}");
    }
}
