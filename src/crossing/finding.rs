//! From what was found out about a track to the crossing that is told, with its doubts.

use super::Crossing;
use super::account::{Account, MARGIN_SIGMAS, Rules};
use super::sighting::Side;
use crate::units::{CameraId, CrossingId, DoorId, Doubt, Instant, Interval, PortalId, add_doubt};

/// What a crossing rests on.
pub(super) struct Finding {
    pub(super) onto: Side,
    pub(super) at: Instant,
    pub(super) interval: Interval,
    pub(super) station_m: f64,
    pub(super) margin_m: f64,
    pub(super) doubt: Option<Doubt>,
}

impl Account {
    /// The crossing that a finding amounts to. The engine fills in what it is called.
    pub(super) fn crossing(&self, rules: Rules<'_>, finding: Finding) -> Crossing {
        let mut doubts = Vec::new();
        if let Some(doubt) = finding.doubt {
            add_doubt(&mut doubts, doubt);
        }
        if self.excursion.interrupted {
            add_doubt(&mut doubts, Doubt::TrackInterrupted);
        }
        if self.excursion.heads > self.excursion.seen / 2 {
            add_doubt(&mut doubts, Doubt::FeetHidden);
        }
        if self.excursion.crowded {
            add_doubt(&mut doubts, Doubt::Crowded);
        }
        if finding.margin_m < MARGIN_SIGMAS * self.last.sd_m {
            add_doubt(&mut doubts, Doubt::MarginSmall);
        }
        Crossing {
            id: CrossingId(0),
            door: DoorId(0),
            portal: PortalId(0),
            camera: CameraId(0),
            track: self.id,
            direction: finding.onto.direction(),
            at: finding.at,
            interval: finding.interval,
            settled_at: rules.now,
            margin_m: finding.margin_m,
            station_m: finding.station_m,
            tiles: Vec::new(),
            doubts,
        }
    }
}
