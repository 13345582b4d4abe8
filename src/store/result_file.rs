//! `result.json`: published once, last.

use std::path::{Path, PathBuf};

use super::{RunResult, StoreError, manifest, publish};

/// Where a run's result lies.
pub(super) fn path_in(run: &Path) -> PathBuf {
    run.join("result.json")
}

/// Publishes a result; `false` when there is one.
pub(super) fn publish(run: &Path, result: &RunResult) -> Result<bool, StoreError> {
    let path = path_in(run);
    let mut text = serde_json::to_vec_pretty(result).map_err(|error| StoreError::at(&path, error))?;
    text.push(b'\n');
    publish::publish(&path, &text)
}

/// Reads a result; `None` when there is none.
pub(super) fn read(run: &Path) -> Result<Option<RunResult>, StoreError> {
    let path = path_in(run);
    let Some(bytes) = publish::read_if_there(&path)? else { return Ok(None) };
    parse(&bytes).map(Some).map_err(|why| StoreError::at(&path, why))
}

/// Reads the text of a `result.json`.
pub(super) fn parse(bytes: &[u8]) -> Result<RunResult, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        v: u32,
    }
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    // The version first: a later format may not parse, and that is no damage.
    match serde_json::from_slice::<RunResult>(bytes) {
        Ok(result) => manifest::check_version(result.v).map(|()| result.with_one_number_a_name()),
        Err(error) => {
            if let Ok(Version { v }) = serde_json::from_slice(bytes) {
                manifest::check_version(v)?;
            }
            Err(format!("is damaged: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn every_end_comes_back_and_every_cut_is_an_error() {
        let failed = crate::event::End::Failed { reason: "out of \"memory\"\n".into() };
        for result in [testing::result(1), RunResult { end: failed, valid: None, skill: None, ..testing::result(2) }] {
            let text = serde_json::to_vec(&result).unwrap();
            assert_eq!(parse(&text).unwrap(), result);
            for length in 0..text.len() {
                assert!(parse(&text[..length]).is_err());
            }
        }
    }

    #[test]
    fn a_result_of_a_later_format_is_refused_as_such() {
        assert!(parse(b"{\"v\": 2, \"new\": []}").unwrap_err().contains("format 2"));
        let text = serde_json::to_string(&RunResult { v: 3, ..testing::result(1) }).unwrap();
        assert!(parse(text.as_bytes()).unwrap_err().contains("format 3"));
    }
}
