//! The body of an alert: what a verdict says, in JSON that a stranger can read.
//!
//! Pure: made of the verdict and of the words that the caller has for things. The published schema is
//! docs/schema/alert.schema.json, generated from these types. Within one `schema` number keys are only
//! added; who reads them passes over what it does not know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::notice::{Class, Notice, id_word};
use crate::crossing::{Crossing, Direction};
use crate::sight::SightState;
use crate::units::{Instant, Interval};
use crate::verdict::{Fate, Names, Stage, Step, Verdict, VerdictKind};
use crate::verdict::{explain_steps, explain_verdict};

/// Name and version of the body.
pub const SCHEMA: &str = "tailgate.alert/1";

/// What a site calls the things of a verdict.
#[derive(Clone, Copy)]
pub struct SiteWords<'a> {
    /// The site.
    pub site: &'a str,
    /// What tells this run of the engine from every other one of the site, such as the time of its
    /// start: crossings are numbered anew in each run, and ids must never come twice.
    pub run: &'a str,
    /// The door's name in the configuration.
    pub door: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// The camera that saw it.
    pub camera: &'a str,
    /// Where the evidence is or will be, if there is any.
    pub evidence: Option<&'a str>,
    /// For sentences.
    pub names: &'a dyn Names,
}

/// What is sent: one statement about one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "tailgate alert")]
pub struct Alert {
    /// "tailgate.alert/1". Keys may be added under this number, none changes its meaning.
    pub schema: String,
    /// Names this statement for ever. The same id twice is the same statement, delivered twice.
    pub id: String,
    /// What it is about; statements with the same subject follow each other by `revision`.
    pub subject: String,
    /// 1 for the first statement about the subject, then counting up. Not every number is sent.
    pub revision: u32,
    /// Of what sort it is: "verdict", "sight" or "test".
    #[schemars(extend("enum" = ["verdict", "sight", "test"]))]
    pub sort: String,
    /// The site.
    pub site: String,
    /// The door.
    pub door: AlertDoor,
    /// The camera that saw it.
    pub camera: String,
    /// What it was. For a verdict: authorised, tailgating, entry_on_exit, unauthorised_entry,
    /// unauthorised_exit, free_passage, exit, wrong_way, u_turn, undetermined. For sight: clear,
    /// no_footage, no_signal, starved, frozen, dark, bright, covered, blurred, moved. For a test: test.
    pub kind: String,
    /// Whether somebody passed who should not have.
    pub breach: bool,
    /// "provisional": a late grant may still change it. "final": judged. "amended": judged again.
    #[schemars(extend("enum" = ["provisional", "final", "amended"]))]
    pub stage: String,
    /// The kind that the statement before this one gave, if that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What it would most likely be, if it is undetermined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likely: Option<String>,
    /// When it happened, RFC 3339, UTC.
    pub time: String,
    /// When this was stated, RFC 3339, UTC.
    pub stated: String,
    /// One line that a guard can read.
    pub line: String,
    /// Why this and why not something else, one sentence a step.
    pub steps: Vec<String>,
    /// Why it may be wrong.
    pub doubts: Vec<AlertDoubt>,
    /// The crossing that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossing: Option<AlertCrossing>,
    /// The grants that were considered, and what became of each.
    pub grants: Vec<AlertGrant>,
    /// Where the evidence is: a folder as a path below the box's data folder, such as
    /// "evidence/2026-11-22/lobby-20261122T081500Z-d0-c17". It is there some seconds later, or never, if none
    /// could be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// A door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertDoor {
    /// Its name in the site's configuration.
    pub name: String,
    /// What people call it.
    pub title: String,
}

/// Why a statement may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertDoubt {
    /// Its name, such as "feet_hidden".
    pub doubt: String,
    /// The same as an end of "uncertain because ...".
    pub reason: String,
}

/// A crossing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertCrossing {
    /// Its number within the run.
    pub number: u32,
    /// The track's number within the run: who.
    pub track: u32,
    /// "in" or "out".
    #[schemars(extend("enum" = ["in", "out"]))]
    pub direction: String,
    /// From when it can have been, RFC 3339, UTC.
    pub earliest: String,
    /// Until when, RFC 3339, UTC.
    pub latest: String,
    /// How far beyond the door's line the track went, m.
    pub margin_m: f64,
    /// Where along the door's line it passed, m.
    pub station_m: f64,
}

/// A grant that was considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertGrant {
    /// The access-control system's id of the event.
    pub grant: String,
    /// The holder's id there, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// From when it can have been, RFC 3339, UTC.
    pub earliest: String,
    /// Until when, RFC 3339, UTC.
    pub latest: String,
    /// What became of it: spent (on this crossing), spent_before (on others), expired, too_late,
    /// other_way, not_needed.
    pub fate: String,
}

impl Alert {
    /// What a verdict says.
    pub fn verdict(verdict: &Verdict, words: SiteWords<'_>) -> Self {
        let crossing = &verdict.crossing;
        let number = match words.run {
            "" => crossing.id.to_string(),
            run => format!("{}-{}", id_word(run), crossing.id),
        };
        let subject = format!("verdict/{}/{number}", id_word(words.door));
        let doubts = verdict.doubts.iter().map(|doubt| AlertDoubt {
            doubt: name_of(doubt),
            reason: doubt.reason().to_owned(),
        });
        Self {
            schema: SCHEMA.to_owned(),
            id: format!("{subject}/{}", verdict.revision),
            subject,
            revision: verdict.revision,
            sort: "verdict".to_owned(),
            site: words.site.to_owned(),
            door: door(words),
            camera: words.camera.to_owned(),
            kind: verdict.kind.name().to_owned(),
            breach: verdict.kind.is_breach(),
            stage: stage_name(verdict.stage).to_owned(),
            was: verdict.was.map(|kind| kind.name().to_owned()),
            likely: verdict.likely.map(|kind| kind.name().to_owned()),
            time: rfc3339(crossing.at),
            stated: rfc3339(verdict.stated_at),
            line: explain_verdict(verdict, words.names),
            steps: explain_steps(verdict, words.names),
            doubts: doubts.collect(),
            crossing: Some(AlertCrossing::of(crossing)),
            grants: verdict.why.iter().filter_map(AlertGrant::of).collect(),
            evidence: words.evidence.map(str::to_owned),
        }
    }

    /// That a camera's picture is worth something else from now on; `line` says so to a guard. The
    /// same door, state and moment are the same statement.
    pub fn sight(state: SightState, at: Instant, line: &str, words: SiteWords<'_>) -> Self {
        let (door_word, camera) = (id_word(words.door), id_word(words.camera));
        let subject = format!("sight/{door_word}/{camera}/{}", at.as_us());
        let doubt = state.doubt().map(|doubt| AlertDoubt {
            doubt: name_of(&doubt),
            reason: doubt.reason().to_owned(),
        });
        Self {
            id: format!("{subject}/1"),
            subject,
            sort: "sight".to_owned(),
            kind: name_of(&state),
            doubts: doubt.into_iter().collect(),
            evidence: words.evidence.map(str::to_owned),
            ..Self::bare(at, line, words)
        }
    }

    /// A statement that says nothing, for trying whether it arrives.
    pub fn test(at: Instant, words: SiteWords<'_>) -> Self {
        let subject = format!("test/{}", at.as_us());
        let line = format!(
            "{}: a test of the way alerts take; nothing happened",
            words.title
        );
        Self {
            id: format!("{subject}/1"),
            subject,
            ..Self::bare(at, &line, words)
        }
    }

    fn bare(at: Instant, line: &str, words: SiteWords<'_>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id: String::new(),
            subject: String::new(),
            revision: 1,
            sort: "test".to_owned(),
            site: words.site.to_owned(),
            door: door(words),
            camera: words.camera.to_owned(),
            kind: "test".to_owned(),
            breach: false,
            stage: stage_name(Stage::Final).to_owned(),
            was: None,
            likely: None,
            time: rfc3339(at),
            stated: rfc3339(at),
            line: line.to_owned(),
            steps: Vec::new(),
            doubts: Vec::new(),
            crossing: None,
            grants: Vec::new(),
            evidence: None,
        }
    }

    /// What the outbox takes.
    pub fn notice(&self, at: Instant) -> Notice {
        Notice {
            id: self.id.clone(),
            subject: self.subject.clone(),
            door: self.door.name.clone(),
            at,
            class: self.class(),
            provisional: self.stage == stage_name(Stage::Provisional),
            // Texts, numbers and lists alone: this does not fail.
            body: serde_json::to_vec(self).unwrap_or_default(),
        }
    }

    fn class(&self) -> Class {
        let was_breach = VerdictKind::ALL
            .iter()
            .any(|kind| kind.is_breach() && self.was.as_deref() == Some(kind.name()));
        match self.sort.as_str() {
            "sight" => Class::Sight,
            _ if self.breach || was_breach => Class::Breach,
            _ if self.kind == VerdictKind::Undetermined.name() => Class::Undetermined,
            _ => Class::Passage,
        }
    }
}

impl AlertCrossing {
    fn of(crossing: &Crossing) -> Self {
        let Interval { lo, hi } = crossing.interval;
        Self {
            number: crossing.id.0,
            track: crossing.track.0,
            direction: match crossing.direction {
                Direction::In => "in",
                Direction::Out => "out",
            }
            .to_owned(),
            earliest: rfc3339(lo),
            latest: rfc3339(hi),
            margin_m: millimetres(crossing.margin_m),
            station_m: millimetres(crossing.station_m),
        }
    }
}

impl AlertGrant {
    fn of(step: &Step) -> Option<Self> {
        let Step::Credit {
            grant,
            holder,
            granted,
            fate,
            ..
        } = step
        else {
            return None;
        };
        Some(Self {
            grant: grant.clone(),
            holder: holder.clone(),
            earliest: rfc3339(granted.lo),
            latest: rfc3339(granted.hi),
            fate: match fate {
                Fate::Spent { .. } => "spent",
                Fate::SpentBefore { .. } => "spent_before",
                Fate::Expired { .. } => "expired",
                Fate::TooLate { .. } => "too_late",
                Fate::OtherWay => "other_way",
                Fate::NotNeeded => "not_needed",
            }
            .to_owned(),
        })
    }
}

fn door(words: SiteWords<'_>) -> AlertDoor {
    AlertDoor {
        name: words.door.to_owned(),
        title: words.title.to_owned(),
    }
}

const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Provisional => "provisional",
        Stage::Final => "final",
        Stage::Amended => "amended",
    }
}

/// The name that serde gives a word.
fn name_of(word: &impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// A position is known to centimetres: more digits than a millimetre's are noise.
fn millimetres(metres: f64) -> f64 {
    (metres * 1_000.0).round() / 1_000.0
}

/// RFC 3339 with milliseconds, UTC; a moment that no calendar has is written as its seconds.
fn rfc3339(at: Instant) -> String {
    match jiff::Timestamp::from_microsecond(at.as_us()) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => at.to_string(),
    }
}
