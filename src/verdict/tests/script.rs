//! A small language for what happens at a door.
//!
//! One event a line: a time in seconds, a word, a name, options.
//!
//! ```text
//! policy follow=3 net_u_turns
//! 0.0 grant A holder=7731 width=1 late=4 twice dir=out n=2
//! 1.9 in t1 width=0.4 settled=0.3 track=1 doubt=sight_lost
//! 2.7 out t2
//! 3.0 opened | closed | forced | held | rex | denied | unlock | lock
//! 5.0 blind until=8 because=footage_ended
//! 9.0 feed complete=8.5 gap=3..4 lateness=0.2
//! 9.5 tick
//! ```
//!
//! `late` is how long after it occurred an access event arrives, `settled` how long after it a
//! crossing is established. `width` is the uncertainty: an access event occurred within
//! `[t, t + width]`, a crossing within `t +- width / 2`. Time passes by itself, and a minute after
//! the last event everything is final.

use crate::access::{AccessEvent, AccessKind, FeedStatus};
use crate::crossing::{Crossing, Direction};
use crate::units::{
    CameraId, CrossingId, DoorId, Doubt, Instant, Interval, PortalId, Span, TrackId,
};
use crate::verdict::{GrantVerdict, Ledger, LedgerOutput, Policy, Stage, Verdict};

/// One thing that a ledger is told.
#[derive(Debug, Clone)]
pub(super) enum Telling {
    Access(AccessEvent),
    Crossing(Crossing),
    Feed(FeedStatus),
    Blind(Interval, Doubt),
    Tick,
}

/// Everything that a ledger is told and when.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub policy: Policy,
    pub tellings: Vec<(Instant, Telling)>,
}

/// What a ledger stated, in the order in which it did.
#[derive(Debug, Clone, Default)]
pub(super) struct Statements {
    pub verdicts: Vec<Verdict>,
    pub grants: Vec<GrantVerdict>,
}

const DOOR: DoorId = DoorId(0);

/// A crossing in the script's terms.
pub(super) fn crossing(number: u32, at: Instant, direction: Direction, track: u32) -> Crossing {
    Crossing {
        id: CrossingId(number),
        door: DOOR,
        portal: PortalId(0),
        camera: CameraId(0),
        track: TrackId(track),
        direction,
        at,
        interval: Interval::exact(at),
        settled_at: at,
        margin_m: 0.42,
        station_m: 0.5,
        tiles: Vec::new(),
        doubts: Vec::new(),
    }
}

/// An access event in the script's terms.
pub(super) fn access(id: &str, kind: AccessKind, occurred: Interval) -> AccessEvent {
    AccessEvent {
        id: id.to_owned(),
        door: Some(DOOR),
        reader: None,
        direction: None,
        kind,
        occurred,
        received: occurred.hi,
        holder: None,
        passages: None,
    }
}

struct Options<'a>(Vec<&'a str>);

impl<'a> Options<'a> {
    fn word(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let mut options = self.0.iter();
        options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }

    fn seconds(&self, name: &str) -> Option<f64> {
        self.text(name).map(|text| text.parse().expect(name))
    }

    fn span(&self, name: &str) -> Span {
        Span::from_s(self.seconds(name).unwrap_or(0.0))
    }

    fn doubt(&self, name: &str) -> Option<Doubt> {
        let text = self.text(name)?;
        Some(serde_json::from_str(&format!("{text:?}")).expect("a doubt"))
    }

    fn direction(&self, name: &str) -> Option<Direction> {
        self.text(name).map(|text| match text {
            "in" => Direction::In,
            "out" => Direction::Out,
            _ => panic!("{text}: neither in nor out"),
        })
    }
}

/// Reads a script.
pub(super) fn read(text: &str) -> Script {
    let mut script = Script {
        policy: Policy::default(),
        tellings: Vec::new(),
    };
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        if first == "policy" {
            read_policy(&mut script.policy, &Options(words.collect()));
            continue;
        }
        let at = Instant::from_s(first.parse().expect("a time"));
        let word = words.next().expect("a word");
        read_event(&mut script, number, at, word, &Options(words.collect()));
    }
    // Told in the order of arrival; what arrives together in the order of the lines.
    script.tellings.sort_by_key(|(at, _)| *at);
    script
}

fn read_policy(policy: &mut Policy, options: &Options<'_>) {
    let set = |name: &str, span: &mut Span| {
        if options.text(name).is_some() {
            *span = options.span(name);
        }
    };
    set("early", &mut policy.early);
    set("window", &mut policy.window);
    set("lateness", &mut policy.lateness);
    set("follow", &mut policy.follow);
    set("exit_close", &mut policy.exit_close);
    set("u_turn", &mut policy.u_turn);
    set("clock", &mut policy.clock);
    set("retention", &mut policy.retention);
    if options.text("open_window").is_some() {
        policy.open_window = Some(options.span("open_window"));
    }
    policy.net_u_turns |= options.word("net_u_turns");
    policy.exit_needs_grant |= options.word("exit_needs_grant");
    policy.one_way = options.direction("one_way").or(policy.one_way);
    if let Some(passages) = options.text("passages") {
        policy.passages_per_grant = passages.parse().expect("passages");
    }
}

fn read_event(script: &mut Script, number: usize, at: Instant, word: &str, options: &Options<'_>) {
    let kind = match word {
        "grant" => AccessKind::Granted,
        "denied" => AccessKind::Denied,
        "forced" => AccessKind::ForcedOpen,
        "held" => AccessKind::HeldOpen,
        "opened" => AccessKind::Opened,
        "closed" => AccessKind::Closed,
        "rex" => AccessKind::RequestToExit,
        "unlock" => AccessKind::UnlockStarted,
        "lock" => AccessKind::UnlockEnded,
        "other" => AccessKind::Other,
        "in" | "out" => {
            let way = if word == "in" {
                Direction::In
            } else {
                Direction::Out
            };
            let number: u32 = options.0[0][1..].parse().expect("t and a number");
            let track = options
                .seconds("track")
                .map_or(number, |track| track as u32);
            let mut crossing = crossing(number, at, way, track);
            let half = Span::from_us(options.span("width").as_us() / 2);
            crossing.interval = Interval::exact(at).widened(half);
            crossing.doubts.extend(options.doubt("doubt"));
            let settled = at + options.span("settled");
            crossing.settled_at = settled;
            script.tellings.push((settled, Telling::Crossing(crossing)));
            return;
        }
        "feed" => {
            let gap = options.text("gap").map(|gap| {
                let (from, to) = gap.split_once("..").expect("a gap as from..to");
                let seconds = |text: &str| Instant::from_s(text.parse().expect("seconds"));
                Interval::new(seconds(from), seconds(to))
            });
            let status = FeedStatus {
                door: DOOR,
                complete_to: options.seconds("complete").map_or(at, Instant::from_s),
                lateness: options.seconds("lateness").map(Span::from_s),
                gaps: gap.into_iter().collect(),
            };
            script.tellings.push((at, Telling::Feed(status)));
            return;
        }
        "blind" => {
            let until = options
                .seconds("until")
                .map_or(Instant::MAX, Instant::from_s);
            let doubt = options.doubt("because").unwrap_or(Doubt::SightLost);
            let blind = Telling::Blind(Interval::new(at, until), doubt);
            let known = if until == Instant::MAX { at } else { until };
            script.tellings.push((known, blind));
            return;
        }
        "tick" => {
            script.tellings.push((at, Telling::Tick));
            return;
        }
        _ => panic!("{word}: no such word"),
    };
    let name = options.0.first().filter(|name| !name.contains('='));
    let id = name.map_or_else(|| format!("e{number}"), |name| (*name).to_owned());
    let mut event = access(&id, kind, Interval::new(at, at + options.span("width")));
    event.holder = options.text("holder").map(str::to_owned);
    event.direction = options.direction("dir");
    event.passages = options.text("n").map(|n| n.parse().expect("passages"));
    if let Some(door) = options.text("door") {
        event.door = door.parse().ok().map(DoorId);
    }
    event.received = at + options.span("late");
    let received = event.received;
    if options.word("twice") {
        let again = received + Span::from_ms(200);
        script
            .tellings
            .push((again, Telling::Access(event.clone())));
    }
    script.tellings.push((received, Telling::Access(event)));
}

/// Tells a ledger one thing.
pub(super) fn tell(ledger: &mut Ledger, now: Instant, telling: &Telling, said: &mut Statements) {
    let mut out = Vec::new();
    match telling {
        Telling::Access(event) => ledger.on_access(now, event, &mut out),
        Telling::Crossing(crossing) => ledger.on_crossing(now, crossing, &mut out),
        Telling::Feed(status) => ledger.on_feed(now, status, &mut out),
        Telling::Blind(blind, doubt) => ledger.on_blind(now, *blind, *doubt, &mut out),
        Telling::Tick => {}
    }
    ledger.advance(now, &mut out);
    said.take(out);
}

/// Lets time pass until `until`, stopping wherever something is due.
pub(super) fn pass(ledger: &mut Ledger, until: Instant, said: &mut Statements) {
    while let Some(due) = ledger.next_due().filter(|due| *due < until) {
        let mut out = Vec::new();
        ledger.advance(due, &mut out);
        said.take(out);
    }
}

/// Plays a script through a ledger; a minute after its end everything is final.
pub(super) fn play(script: &Script) -> (Ledger, Statements) {
    let mut ledger = Ledger::new(DOOR, script.policy.clone());
    let mut said = Statements::default();
    let mut last = Instant::ZERO;
    for (at, telling) in &script.tellings {
        pass(&mut ledger, *at, &mut said);
        tell(&mut ledger, *at, telling, &mut said);
        last = *at;
    }
    pass(&mut ledger, last + Span::from_s(60.0), &mut said);
    (ledger, said)
}

impl Statements {
    fn take(&mut self, out: Vec<LedgerOutput>) {
        for output in out {
            match output {
                LedgerOutput::Verdict(verdict) => self.verdicts.push(*verdict),
                LedgerOutput::Grant(grant) => self.grants.push(*grant),
                LedgerOutput::Clock { .. } => {}
            }
        }
    }

    /// How things stand: one line a crossing in order of time, then one a grant.
    pub fn outcome(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut verdicts: Vec<&Verdict> = Vec::new();
        for verdict in self.verdicts.iter().rev() {
            if verdicts.iter().all(|known| known.id != verdict.id) {
                verdicts.push(verdict);
            }
        }
        verdicts.sort_by_key(|verdict| (verdict.crossing.at, verdict.crossing.id));
        lines.extend(verdicts.into_iter().map(verdict_line));
        let mut grants: Vec<&GrantVerdict> = Vec::new();
        for grant in self.grants.iter().rev() {
            if grants.iter().all(|known| known.id != grant.id) {
                grants.push(grant);
            }
        }
        grants.sort_by_key(|grant| (grant.granted.mid(), &grant.grant));
        lines.extend(grants.into_iter().map(grant_line));
        lines
    }

    /// Everything that was stated on crossings, in order.
    pub fn trace(&self) -> Vec<String> {
        let lines = self.verdicts.iter().map(|verdict| {
            let stage = match verdict.stage {
                Stage::Provisional => "provisional",
                Stage::Final => "final",
                Stage::Amended => "amended",
            };
            let at = verdict.stated_at.as_s();
            format!(
                "{at:.1} {stage}#{} {}",
                verdict.revision,
                verdict_line(verdict)
            )
        });
        lines.collect()
    }
}

/// `t2 tailgating t1 [late_grant]`; an undetermined one with what is likely: `undetermined(exit)`.
fn verdict_line(verdict: &Verdict) -> String {
    let mut line = format!("t{} {}", verdict.crossing.id, verdict.kind.name());
    if let Some(likely) = verdict.likely {
        line.push_str(&format!("({})", likely.name()));
    }
    if let Some(credit) = &verdict.credit {
        line.push_str(&format!(" {}", credit.grant));
        if credit.passage > 1 {
            line.push_str(&format!("/{}", credit.passage));
        }
    }
    if let Some(beside) = verdict.beside {
        line.push_str(&format!(" t{beside}"));
    }
    line.push_str(&doubts(&verdict.doubts));
    line
}

fn grant_line(grant: &GrantVerdict) -> String {
    let mut line = format!("{} {}", grant.grant, grant.outcome.name());
    for crossing in &grant.spent_on {
        line.push_str(&format!(" t{crossing}"));
    }
    line.push_str(&doubts(&grant.doubts));
    line
}

fn doubts(doubts: &[Doubt]) -> String {
    if doubts.is_empty() {
        return String::new();
    }
    let names: Vec<String> = doubts
        .iter()
        .map(|doubt| serde_json::to_string(doubt).expect("a doubt"))
        .collect();
    format!(" [{}]", names.join(" ").replace('"', ""))
}
