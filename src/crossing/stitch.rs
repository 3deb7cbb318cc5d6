//! One person under two ids: a track lost at the line and another one that begins nearby.
//!
//! The heir takes over what was settled, so that handing over counts nothing and loses nothing.
//! Each account has one heir at most; two people who follow each other through a blind spot are
//! two accounts and two heirs. Somebody coming is no heir of somebody going.

use super::CounterSettings;
use super::account::Account;
use super::continuity::OPPOSED_MPS;
use super::sighting::Motion;
use crate::units::Span;

/// What the reach grows by while nobody is seen, m/s: people turn and change their pace.
const REACH_GROWTH_MPS: f64 = 0.3;

/// How far ahead a lost track is thought to have walked on.
const LONGEST_AHEAD: Span = Span::from_ms(1_000);

/// What a second of waiting costs in the choice between accounts, m.
const WAIT_COST_M: f64 = 0.3;

/// The account that the newborn at `newborn` goes on, if there is one.
pub(super) fn find_ancestor(
    accounts: &[Account],
    newborn: usize,
    motion: &Motion,
    settings: &CounterSettings,
) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (index, account) in accounts.iter().enumerate() {
        if index == newborn {
            continue;
        }
        let Some(cost) = cost_m(account, &accounts[newborn], motion, settings) else {
            continue;
        };
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, index));
        }
    }
    best.map(|(_, index)| index)
}

/// How far from its ancestor's way the newborn began, with the wait added; `None` if it can't be
/// the same person.
fn cost_m(
    ancestor: &Account,
    newborn: &Account,
    motion: &Motion,
    settings: &CounterSettings,
) -> Option<f64> {
    let (last, birth) = (&ancestor.last, &newborn.birth.sighting);
    let gap = birth.at - last.at;
    let is_gone = ancestor.track_seen < birth.at && !ancestor.handed_on && !ancestor.is_new;
    if !is_gone || gap <= Span::ZERO || gap > settings.stitch_within {
        return None;
    }
    let heading = ancestor.motion();
    if heading.opposes(motion, OPPOSED_MPS) {
        return None;
    }
    // Anywhere between where it was and where it would be by now.
    let seconds = gap.min(LONGEST_AHEAD).as_s();
    let (wx, wy) = (heading.velocity.0 * seconds, heading.velocity.1 * seconds);
    let (dx, dy) = (birth.point.x - last.point.x, birth.point.y - last.point.y);
    let way2 = wx * wx + wy * wy;
    let share = if way2 > 0.0 {
        ((dx * wx + dy * wy) / way2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (mx, my) = (dx - share * wx, dy - share * wy);
    let miss_m = (mx * mx + my * my).sqrt();
    let reach_m = settings.stitch_reach_m + REACH_GROWTH_MPS * gap.as_s();
    (miss_m <= reach_m).then(|| miss_m + WAIT_COST_M * gap.as_s())
}
