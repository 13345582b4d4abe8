//! `kiln worker`: trains packs for a supervisor.

use super::{Failure, Outcome, clock};
use crate::sweep::{device_name, trainer, work};
use clap::Args;
use std::path::PathBuf;

/// `worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// The sweep's folder
    #[arg(long)]
    pub sweep: PathBuf,
    /// The device, as resolved by the supervisor
    #[arg(long)]
    pub device: lane_types::DeviceSpec,
}

/// Runs the verb.
///
/// # Errors
/// When the device is gone or the supervisor can no longer be spoken to.
pub fn run(args: &WorkerArgs) -> Result<Outcome, Failure> {
    // The supervisor opened it a moment ago.
    let device =
        burn_lanes::open(args.device).map_err(|error| Failure::Machine(error.to_string()))?;
    let name = device_name(&device);
    let arithmetic = device.arithmetic();
    let trainer = trainer(device);
    work(&args.sweep, &name, arithmetic, trainer.as_ref(), clock::now, &mut std::io::stdout())?;
    Ok(Outcome::Done)
}
