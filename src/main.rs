//! Parse, dispatch, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use kiln::cmd::{self, Cli, Failure, Outcome, Verb};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::stdout();
    match run(cli.verb, &mut out) {
        Ok(outcome) => outcome.into(),
        Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::BadInput(message)) => {
            complain(&message);
            ExitCode::from(2)
        }
        Err(Failure::Machine(message)) => {
            complain(&message);
            ExitCode::from(4)
        }
        Err(Failure::Bug(error)) => {
            complain(&format!("error: {error:#}\n(this is a bug in kiln)"));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb, out: &mut dyn Write) -> Result<Outcome, Failure> {
    match verb {
        Verb::Check(args) => cmd::check::run(args, out),
        Verb::Leakcheck(args) => cmd::leakcheck::run(args, out),
        Verb::Sweep(args) => cmd::sweep::run(args),
        Verb::Watch(args) => cmd::watch::run(args),
        Verb::Runs(args) => cmd::runs::run(args, out),
        Verb::Show(args) => cmd::show::run(args, out),
        Verb::Compare(args) => cmd::compare::run(args, out),
        Verb::Report(args) => cmd::report::run(args, out),
        Verb::Evaluate(args) => cmd::evaluate::run(args, out),
        Verb::Predict(args) => cmd::predict::run(*args, out),
        #[cfg(feature = "serve")]
        Verb::Serve(args) => cmd::serve::run(*args, out),
        Verb::Backtest(args) => cmd::backtest::run(*args, out),
        Verb::Models(args) => cmd::models::run(args, out),
        Verb::Export(args) => cmd::export::run(args, out),
        Verb::Doctor(args) => cmd::doctor::run(args, out),
        Verb::Schema => cmd::schema::run(out),
        Verb::Completions(args) => cmd::completions::run(&args, out),
        Verb::Man(args) => cmd::man::run(&args, out),
        Verb::Worker(args) => cmd::worker::run(&args),
    }
}

/// To stderr; if that is closed too, there is nobody to tell. Messages quote files: nothing of them
/// reaches a terminal as a command.
fn complain(message: &str) {
    drop(writeln!(std::io::stderr(), "{}", kiln::text::clean_lines(message)));
}
