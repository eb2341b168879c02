//! The scheduler: starts zones that sleep when something is due there. One is active, and every
//! further one is its spare.

use crate::shared::Shared;
use clap::Args;
use tokio_util::sync::CancellationToken;

/// The settings of a scheduler.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Scheduler")]
pub struct Settings {
    /// The name that others see of the active one. The program sets it.
    #[arg(skip = String::from("host"))]
    pub name: String,

    /// Start so many zones at the same time at most
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub starts: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "host".into(),
            starts: 8,
        }
    }
}

/// Starts zones when something is due, until `until`.
///
/// # Errors
/// The daemon does not permit it, or is none that keeps names.
pub async fn run(
    shared: Shared,
    settings: Settings,
    until: CancellationToken,
) -> anyhow::Result<()> {
    let _ = (shared, settings);
    until.cancelled().await;
    Ok(())
}
