//! Which pictures rest on damage.
//!
//! Theory of operation: packets are numbered in the order of decoding, since that is the order in
//! which pictures rest on each other; they are shown in another. A picture may be wrong if an error
//! happened at its packet or before it, and no key frame came in between. Pictures that are shown
//! before a key frame but decoded after it may rest on what came before it, so for them that key
//! frame heals nothing.
//!
//! It deliberately errs on the side of damage: an error may have touched one corner only.

use std::collections::{BTreeMap, BTreeSet};

/// A packet's place in the order of decoding. Even numbers are packets, odd ones gaps before them.
pub(super) type Order = u64;

/// How many key frames back a picture is looked up: more than any codec delays pictures.
const KEYS_KEPT: usize = 40;

/// Errors and key frames of one clip, as far back as they can matter.
#[derive(Debug, Clone, Default)]
pub(super) struct Damage {
    packets: u64,
    /// Time in ticks of each key packet; the earliest for one without.
    keys: BTreeMap<Order, i64>,
    errors: BTreeSet<Order>,
}

impl Damage {
    /// Numbers the next packet.
    pub(super) fn packet(&mut self, key: bool, pts: Option<i64>) -> Order {
        self.packets += 1;
        let order = self.order();
        if key {
            self.keys.insert(order, pts.unwrap_or(i64::MIN));
            if self.keys.len() > KEYS_KEPT {
                self.keys.pop_first();
                if let Some((oldest, _)) = self.keys.first_key_value() {
                    self.errors = self.errors.split_off(oldest);
                }
            }
        }
        order
    }

    /// The last packet's number.
    pub(super) fn order(&self) -> Order {
        self.packets * 2
    }

    /// Something went wrong with the packet of that number.
    pub(super) fn error_at(&mut self, order: Order) {
        self.errors.insert(order);
    }

    /// Something is missing after the last packet and before the next.
    pub(super) fn gap(&mut self) {
        self.error_at(self.order() + 1);
    }

    /// Whether the picture of a packet may be wrong.
    pub(super) fn touches(&self, order: Order, pts: Option<i64>) -> bool {
        let pts = pts.unwrap_or(i64::MAX);
        let healed = self
            .keys
            .range(..=order)
            .rev()
            .find(|(_, key)| **key <= pts);
        let since = healed.map_or(0, |(key, _)| *key);
        since <= order && self.errors.range(since..=order).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets in the order of decoding as (is key, time); which times rest on damage at the packet
    /// of time `hurt`, or on a gap before it.
    #[track_caller]
    fn check(packets: &[(bool, i64)], hurt: i64, gap_before: bool, expect: &[i64]) {
        let mut damage = Damage::default();
        let mut orders = Vec::new();
        for (key, pts) in packets {
            if *pts == hurt && gap_before {
                damage.gap();
            }
            let order = damage.packet(*key, Some(*pts));
            if *pts == hurt && !gap_before {
                damage.error_at(order);
            }
            orders.push((order, *pts));
        }
        orders.retain(|(order, pts)| damage.touches(*order, Some(*pts)));
        let got: Vec<i64> = orders.iter().map(|(_, pts)| *pts).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn damage_lasts_to_the_next_key_frame() {
        let closed = [(true, 0), (false, 1), (false, 2), (true, 3), (false, 4)];
        check(&closed, 1, false, &[1, 2]);
        check(&closed, 3, false, &[3, 4]);
        check(&closed, 3, true, &[]);
        check(&closed, 2, true, &[2]);
    }

    #[test]
    fn pictures_before_a_key_frame_may_rest_on_what_came_before_it() {
        let open = [
            (true, 0),
            (false, 3),
            (false, 1),
            (true, 6),
            (false, 5),
            (false, 7),
        ];
        check(&open, 3, false, &[3, 1, 5]);
    }

    #[test]
    fn old_errors_are_forgotten_with_their_key_frames() {
        let mut damage = Damage::default();
        for number in 0..1000 {
            let order = damage.packet(true, Some(number));
            damage.error_at(order);
        }
        assert!(damage.errors.len() <= KEYS_KEPT + 1);
        assert!(damage.keys.len() <= KEYS_KEPT);
    }
}
