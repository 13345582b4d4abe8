//! `export --format tensorboard|jsonl`: a folder with a folder for each run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::arguments::{Folder, Output};
use super::source::{name_of, recorded};
use super::{Roots, file_name};
use crate::cmd::Failure;
use crate::export::{Recorded, check_free, history, tensorboard, write_file};

pub(super) fn run(
    source: &str,
    roots: &Roots,
    kind: Folder,
    output: &Output,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let runs = recorded(roots, source)?;
    let suffix = match kind {
        Folder::Tensorboard => "tensorboard",
        Folder::Jsonl => "wandb",
    };
    let folder = match &output.path {
        Some(path) if path == Path::new("-") => {
            return Err(Failure::BadInput(
                "this format is a folder of files, which stdout cannot take; name a folder with -o"
                    .to_owned(),
            ));
        }
        Some(path) => path.clone(),
        None => PathBuf::from(file_name(&format!("{}-{suffix}", name_of(roots, source, &runs)))),
    };
    let mut files = Vec::new();
    for run in &runs {
        let own = folder.join(file_name(&run.run));
        files.extend(of_run(run, kind)?.into_iter().map(|(name, bytes)| (own.join(name), bytes)));
    }
    // All of them before the first is written.
    for (path, _) in &files {
        check_free(path, output.existing)?;
    }
    for (path, bytes) in &files {
        let own = path.parent().unwrap_or(&folder);
        fs::create_dir_all(own).map_err(|error| {
            Failure::BadInput(format!("{}: cannot be made: {error}", own.display()))
        })?;
        write_file(path, bytes, output.existing)?;
    }
    Ok(writeln!(out, "{}", text::clean(&folder.display().to_string()))?)
}

fn of_run(run: &Recorded, kind: Folder) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    Ok(match kind {
        Folder::Tensorboard => vec![(tensorboard::file_name(run), tensorboard::write(run))],
        Folder::Jsonl => {
            history::files(run)?.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
        }
    })
}
