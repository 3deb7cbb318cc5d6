//! `tailgate fake`: local servers that play what a site has, for trying things out and for tests.

mod camera;
mod receiver;
mod vendor;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::fake::VendorName;

/// Plays an access-control system or cameras on a local socket (docs/guides/fake-vendors.md), or a
/// receiver of alerts (docs/guides/alerts.md).
#[derive(Debug, Args)]
pub struct FakeArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Openpath, now Avigilon Alta Access.
    Openpath(vendor::VendorArgs),
    /// Kisi.
    Kisi(vendor::VendorArgs),
    /// Genetec Security Center (Web SDK).
    Genetec(vendor::VendorArgs),
    Camera(camera::CameraArgs),
    Receiver(receiver::ReceiverArgs),
}

/// Plays until it is interrupted.
pub fn run(args: &FakeArgs) -> Outcome {
    match &args.what {
        What::Openpath(args) => vendor::run(VendorName::Openpath, args),
        What::Kisi(args) => vendor::run(VendorName::Kisi, args),
        What::Genetec(args) => vendor::run(VendorName::Genetec, args),
        What::Camera(args) => camera::run(args),
        What::Receiver(args) => receiver::run(args),
    }
}
