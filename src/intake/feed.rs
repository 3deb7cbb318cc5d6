//! What a source's feed is known not to know.
//!
//! Theory of operation: a push alone never promises completeness. Each source keeps how late its
//! events come as measured, up to when its vendor's log has been read (if a driver reads it), and its
//! gaps: times in which contact was lost. A gap is opened when contact is lost, gets its end when
//! contact is back, and stays until the vendor's log filled it or a person confirmed it as lost. A
//! lost gap is still missing: the engine goes on being told of it for as long as that can matter.
//!
//! Pure: the moment is handed in, and changes come out as values for the inbox to write.

use std::sync::Arc;

use super::inbox::{Gap, GapChange, GapState};
use crate::access::{AccessEvent, FeedStatus, Lateness};
use crate::units::{DoorId, Instant, Interval, Span};

/// A lost gap is named this long after its end: longer than ledgers keep the past by default.
const LOST_NAMED: Span = Span::from_ms(2 * 86_400_000);

/// One source's feed.
#[derive(Debug, Clone)]
pub struct Feed {
    source: Arc<str>,
    lateness: Lateness,
    /// Assumed until enough is measured.
    assumed: Span,
    /// Up to when the vendor's own log has been read; only drivers know.
    log_read_to: Option<Instant>,
    /// When the source was last heard of.
    heard: Option<Instant>,
    gaps: Vec<Gap>,
}

impl Feed {
    /// A feed with the gaps that are stored and not closed.
    pub fn new(source: Arc<str>, assumed: Span, gaps: Vec<Gap>) -> Self {
        Self {
            source,
            lateness: Lateness::default(),
            assumed,
            log_read_to: None,
            heard: None,
            gaps,
        }
    }

    /// An event came.
    pub fn observe(&mut self, event: &AccessEvent) {
        self.lateness.observe(event);
    }

    /// The source was heard of at `now`: a gap that went on ends here.
    pub fn contact(&mut self, now: Instant) -> Option<GapChange> {
        self.heard = Some(self.heard.map_or(now, |heard| heard.max(now)));
        let gap = self.gaps.iter_mut().find(|gap| gap.to.is_none())?;
        let to = now.max(gap.from);
        gap.to = Some(to);
        Some(GapChange::Ends { gap: gap.id, to })
    }

    /// Contact was lost, noticed at `now`: what came after the source was last heard of may be
    /// missing. `None` if it is known already.
    pub fn lose_contact(&self, now: Instant, reason: &str) -> Option<GapChange> {
        if self.gaps.iter().any(|gap| gap.to.is_none()) {
            return None;
        }
        Some(GapChange::Open {
            source: Arc::clone(&self.source),
            from: self.heard.unwrap_or(now),
            to: None,
            reason: reason.to_owned(),
        })
    }

    /// A gap was written under a number.
    pub fn opened(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// The source was silent for longer than it should be.
    pub fn is_silent(&self, now: Instant, most: Span) -> bool {
        self.heard.is_some_and(|heard| now.since(heard) > most)
    }

    /// The vendor's log of `read` was read in full and stored: gaps within it are closed, gaps at
    /// its ends are shortened.
    pub fn reconciled(&mut self, read: Interval) -> Vec<GapChange> {
        let joined = self.log_read_to.is_none_or(|to| read.lo <= to);
        if joined {
            let to = self.log_read_to.map_or(read.hi, |to| to.max(read.hi));
            self.log_read_to = Some(to);
        }
        let mut changes = Vec::new();
        for gap in &mut self.gaps {
            let Some(to) = gap.to else {
                continue;
            };
            if read.lo <= gap.from && to <= read.hi {
                gap.state = GapState::Closed;
                changes.push(GapChange::Closed {
                    gap: gap.id,
                    note: "filled from the source's log".to_owned(),
                });
            } else if read.lo <= gap.from && gap.from < read.hi {
                gap.from = read.hi;
                let left = Interval::new(read.hi, to);
                changes.push(GapChange::Shrinks { gap: gap.id, left });
            } else if read.lo < to && to <= read.hi {
                gap.to = Some(read.lo);
                let left = Interval::new(gap.from, read.lo);
                changes.push(GapChange::Shrinks { gap: gap.id, left });
            }
        }
        self.gaps.retain(|gap| gap.state != GapState::Closed);
        changes
    }

    /// Gaps that the sender has filled by repeating: they were shorter than it repeats, and it has
    /// had that time since.
    pub fn repeated(&mut self, now: Instant, repeats: Span) -> Vec<GapChange> {
        let filled = |gap: &Gap| {
            gap.state == GapState::Open
                && gap
                    .to
                    .is_some_and(|to| to.since(gap.from) < repeats && now.since(to) > repeats)
        };
        let changes = self.gaps.iter().filter(|gap| filled(gap)).map(|gap| {
            let note = "shorter than the sender repeats".to_owned();
            GapChange::Closed { gap: gap.id, note }
        });
        let changes = changes.collect();
        self.gaps.retain(|gap| !filled(gap));
        changes
    }

    /// Gaps as they are stored now: someone else may have closed or confirmed one.
    pub fn stored(&mut self, gaps: Vec<Gap>) {
        self.gaps = gaps;
    }

    /// Gaps that are to be filled, oldest first, as of `now`.
    pub fn to_fill(&self, now: Instant) -> Vec<Interval> {
        let open = self.gaps.iter().filter(|gap| gap.state == GapState::Open);
        open.map(|gap| gap.interval(now)).collect()
    }

    /// Measured lateness: median and p99.
    pub fn lateness(&self) -> (Option<Span>, Option<Span>) {
        (self.lateness.p50(), self.lateness.p99())
    }

    /// Everything that occurred before this moment is known, gaps aside.
    pub fn complete_to(&self, now: Instant) -> Instant {
        let usual = self.lateness.p99().unwrap_or(self.assumed);
        let pushed = now - usual;
        let known = self.log_read_to.map_or(pushed, |read| read.max(pushed));
        let growing = self.gaps.iter().find(|gap| gap.to.is_none());
        growing.map_or(known, |gap| known.min(gap.from))
    }

    /// Times that are missing: open gaps, and lost ones for as long as they matter.
    pub fn missing(&self, now: Instant) -> Vec<Interval> {
        let matters = |gap: &&Gap| {
            let ended = gap.to.unwrap_or(now);
            gap.state == GapState::Open || now.since(ended) <= LOST_NAMED
        };
        let gaps = self.gaps.iter().filter(matters);
        gaps.map(|gap| gap.interval(now)).collect()
    }
}

/// The status of a door that is fed by these sources.
pub fn status<'a>(
    door: DoorId,
    feeds: impl IntoIterator<Item = &'a Feed>,
    now: Instant,
) -> Option<FeedStatus> {
    let mut status: Option<FeedStatus> = None;
    for feed in feeds {
        let complete_to = feed.complete_to(now);
        let (_, late) = feed.lateness();
        let status = status.get_or_insert_with(|| FeedStatus {
            door,
            complete_to,
            lateness: None,
            gaps: Vec::new(),
        });
        status.complete_to = status.complete_to.min(complete_to);
        status.lateness = status.lateness.max(late);
        status.gaps.extend(feed.missing(now));
    }
    if let Some(status) = &mut status {
        status.gaps.sort();
        status.gaps.dedup();
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Instant {
        Instant::from_us(1_800_000_000_000_000 + s * 1_000_000)
    }

    fn gap(id: i64, from: i64, to: Option<i64>) -> Gap {
        Gap {
            id,
            source: "s".into(),
            from: at(from),
            to: to.map(at),
            reason: "test".into(),
            state: GapState::Open,
            note: None,
        }
    }

    fn feed(gaps: &[Gap]) -> Feed {
        Feed::new("s".into(), Span::from_ms(5_000), gaps.to_vec())
    }

    #[test]
    fn a_gap_reaches_from_the_last_word_to_the_next() {
        let mut feed = feed(&[]);
        assert_eq!(feed.contact(at(0)), None);
        let opened = feed.lose_contact(at(30), "refused").expect("a gap");
        let GapChange::Open { from, to, .. } = opened else {
            panic!("{opened:?}");
        };
        assert_eq!((from, to), (at(0), None));
        feed.opened(gap(7, 0, None));
        assert_eq!(feed.lose_contact(at(31), "refused"), None);
        assert_eq!(feed.complete_to(at(40)), at(0));
        assert_eq!(feed.missing(at(40)), [Interval::new(at(0), at(40))]);
        let ends = GapChange::Ends { gap: 7, to: at(50) };
        assert_eq!(feed.contact(at(50)), Some(ends));
        assert_eq!(feed.missing(at(90)), [Interval::new(at(0), at(50))]);
        assert_eq!(feed.complete_to(at(90)), at(85));
    }

    #[track_caller]
    fn check_reconciled(read: (i64, i64), left: &[(i64, i64)], changes: usize) {
        let mut feed = feed(&[gap(1, 100, Some(200))]);
        let changed = feed.reconciled(Interval::new(at(read.0), at(read.1)));
        assert_eq!(changed.len(), changes, "{changed:?}");
        let left: Vec<Interval> = left
            .iter()
            .map(|(lo, hi)| Interval::new(at(*lo), at(*hi)))
            .collect();
        assert_eq!(feed.to_fill(at(1000)), left);
    }

    #[test]
    fn the_vendors_log_closes_what_it_covers() {
        check_reconciled((90, 210), &[], 1);
        check_reconciled((100, 200), &[], 1);
        check_reconciled((90, 150), &[(150, 200)], 1);
        check_reconciled((150, 250), &[(100, 150)], 1);
        check_reconciled((0, 90), &[(100, 200)], 0);
        check_reconciled((300, 400), &[(100, 200)], 0);
        // The middle alone closes nothing: one gap stays one gap.
        check_reconciled((120, 180), &[(100, 200)], 0);
    }

    #[test]
    fn a_sender_that_repeats_fills_short_gaps_in_time() {
        let mut feed = feed(&[gap(1, 100, Some(110)), gap(2, 100, Some(200))]);
        let repeats = Span::from_ms(60_000);
        assert_eq!(feed.repeated(at(170), repeats), []);
        let closed = feed.repeated(at(171), repeats);
        assert!(
            matches!(closed[..], [GapChange::Closed { gap: 1, .. }]),
            "{closed:?}"
        );
        assert_eq!(feed.repeated(at(9_000), repeats), []);
        assert_eq!(feed.to_fill(at(9_000)).len(), 1);
    }

    #[test]
    fn a_gap_that_goes_on_is_not_closed() {
        let mut feed = feed(&[gap(1, 100, None)]);
        assert_eq!(feed.reconciled(Interval::new(at(0), at(500))), []);
    }

    #[test]
    fn a_lost_gap_is_named_and_not_asked_for() {
        let mut lost = gap(1, 100, Some(200));
        lost.state = GapState::Lost;
        let feed = feed(&[lost]);
        assert_eq!(feed.to_fill(at(300)), []);
        assert_eq!(feed.missing(at(300)).len(), 1);
        assert_eq!(feed.missing(at(300 + 3 * 86_400)).len(), 0);
    }

    #[test]
    fn a_door_knows_what_the_least_of_its_sources_knows() {
        let (a, b) = (feed(&[gap(1, 100, Some(200))]), feed(&[gap(2, 250, None)]));
        let status = status(DoorId(0), [&a, &b], at(300)).expect("two sources");
        assert_eq!(status.complete_to, at(250));
        assert_eq!(
            status.gaps,
            [
                Interval::new(at(100), at(200)),
                Interval::new(at(250), at(300))
            ]
        );
    }

    #[test]
    fn a_door_without_sources_has_no_status() {
        assert_eq!(status(DoorId(0), [], at(0)), None);
    }
}
