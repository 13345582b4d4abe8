use super::*;
use crate::cmd::selection::tests::{STORE, printed};

fn args(sweep: &str) -> ReportArgs {
    ReportArgs { sweep: sweep.into(), output: None, format: None, splice: None, runs: STORE.into() }
}

fn to(path: &Path) -> ReportArgs {
    ReportArgs { output: Some(path.to_owned()), ..args("grid") }
}

fn complaint(args: ReportArgs) -> String {
    match run(args, &mut Vec::new()) {
        Err(Failure::BadInput(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recorded_sweep_is_a_page_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.html");
    let told = printed(|out| run(to(&path), out));
    assert_eq!(told.trim_end(), path.display().to_string());
    let first = fs::read(&path).unwrap();
    run(to(&path), &mut Vec::new()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first);
    assert_eq!(
        printed(|out| run(ReportArgs { output: Some("-".into()), ..args("grid") }, out)).as_bytes(),
        first
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_report_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["thesis.html", "thesis.md"] {
        let path = folder.path().join(name);
        fs::write(&path, "mine").unwrap();
        assert!(complaint(to(&path)).contains("not a report of kiln"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}

#[test]
fn markdown_goes_out_into_a_file_or_between_markers() {
    let text =
        printed(|out| run(ReportArgs { format: Some(ReportFormat::Md), ..args("grid") }, out));
    assert!(
        text.contains("> the best trial's valid.rmse 0.01562")
            && text.contains("| 1 | 31d897f497c7 +2 |"),
        "{text}"
    );
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("grid.md");
    run(to(&own), &mut Vec::new()).unwrap();
    assert_eq!(fs::read_to_string(&own).unwrap(), format!("{MARKDOWN_GENERATOR}{text}"));
    let readme = folder.path().join("README.md");
    let into = || ReportArgs { splice: Some(readme.clone()), ..args("grid") };
    assert!(complaint(into()).contains("README.md: cannot be read"));
    fs::write(&readme, "# a\n").unwrap();
    assert!(complaint(into()).contains("add these two lines"));
    fs::write(&readme, "# a\n<!-- kiln:begin grid -->\nold\n<!-- kiln:end grid -->\nb\n").unwrap();
    run(into(), &mut Vec::new()).unwrap();
    let spliced = fs::read_to_string(&readme).unwrap();
    assert!(
        spliced.starts_with("# a\n<!-- kiln:begin grid -->\n\n")
            && spliced.ends_with("\n\n<!-- kiln:end grid -->\nb\n"),
        "{spliced}"
    );
    assert!(spliced.contains(text.trim_end()) && !spliced.contains("old"));
}

#[cfg(unix)]
#[test]
fn a_spliced_file_keeps_its_permissions_and_its_link() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.md"), folder.path().join("README.md"));
    fs::write(&real, "<!-- kiln:begin grid -->\n<!-- kiln:end grid -->\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    run(ReportArgs { splice: Some(link.clone()), ..args("grid") }, &mut Vec::new()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::read_to_string(&real).unwrap().contains("31d897f497c7"));
}

#[test]
fn a_run_is_no_sweep() {
    assert!(complaint(args("31d8")).contains("a report is of a sweep"));
    assert!(complaint(args("gird")).contains("did you mean 'grid'"));
    let both = ReportArgs {
        splice: Some("README.md".into()),
        format: Some(ReportFormat::Html),
        ..args("grid")
    };
    assert!(complaint(both).contains("--splice writes Markdown"));
}
