//! What happens at the doors of a fake, and what goes wrong: a small text format.
//!
//! ```text
//! # Things, in any order. Ids are made up where none is given.
//! door "Main Entry" id 9543
//! user 7 "Ann Example" ann@example.org
//!
//! # What happens: seconds since the start, what, where, who.
//! 2.0  grant "Main Entry" user 7
//! 2.5  grant "Main Entry" "Side Door" user 7    one event at two doors
//! 3.0  denied "Main Entry" user 8               no right to enter now
//! 3.5  unknown-card "Main Entry"
//! 4.0  forced "Main Entry"
//! 5.0  held "Main Entry"                        and `held-ended`
//! 6.0  opened "Main Entry"                      and `closed`
//! 7.0  exit-request "Main Entry"
//! 8.0  unlock-started "Main Entry"              and `unlock-ended`
//! 9.0  grant "Main Entry" out user 7            at the reader inside
//! 10   grant "Main Entry" user 7 every 0.5 times 100
//!
//! # How it is delivered. On a line of its own: from there on. At the end of a line: that event.
//! late 30            the vendor sends it 30 s after it learned of it
//! duplicate 2        the vendor sends it twice, byte for byte
//! 11   grant "Main Entry" user 7 late 5 duplicate 3
//! 12   grant "Main Entry" user 7 lost           never sent; the vendor's log has it
//!
//! # What goes wrong.
//! offline 5 to 20                 the controllers upload at 20 what happened from 5 on
//! offline "Main Entry" 5 to 20    that door's only
//! 21   drop-connection            every open connection is cut
//! 22   expire-token               tokens and sessions are valid no longer
//! 23   disable-webhook            the vendor stops sending, as after too many failures
//! 24   refuse 3                   the next 3 requests are answered 429
//! 25   fail 3                     the next 3 requests are answered 500
//! 26   silence 60                 streams say nothing for 60 s, not even that they live
//! ```
//!
//! Theory of operation: lines are read into things and [`Step`]s; an event while its door is offline
//! becomes a step at the end of that time. It judges nothing: a script may tell any nonsense.

use crate::units::Span;

/// At most so many steps come of one `every ... times ...`.
const MOST_REPEATS: u32 = 1_000_000;

/// A door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// What people call it.
    pub name: String,
    /// The vendor's id, if the script says one.
    pub id: Option<String>,
}

/// Somebody who is known to the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The vendor's id.
    pub id: String,
    /// Name as written.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the words of the script")]
pub enum Kind {
    Grant,
    Denied,
    UnknownCard,
    Forced,
    Held,
    HeldEnded,
    Opened,
    Closed,
    ExitRequest,
    UnlockStarted,
    UnlockEnded,
}

/// The words for what happens at doors.
const KINDS: [(&str, Kind); 11] = [
    ("grant", Kind::Grant),
    ("denied", Kind::Denied),
    ("unknown-card", Kind::UnknownCard),
    ("forced", Kind::Forced),
    ("held", Kind::Held),
    ("held-ended", Kind::HeldEnded),
    ("opened", Kind::Opened),
    ("closed", Kind::Closed),
    ("exit-request", Kind::ExitRequest),
    ("unlock-started", Kind::UnlockStarted),
    ("unlock-ended", Kind::UnlockEnded),
];

/// Which reader of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one outside, for going in.
    In,
    /// The one inside, for going out.
    Out,
}

/// Something that happens at doors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What.
    pub kind: Kind,
    /// Where, as places in the script's list of doors; at least one.
    pub doors: Vec<usize>,
    /// At which reader.
    pub side: Side,
    /// Whose credential.
    pub user: Option<String>,
    /// When it happened, since the start.
    pub occurred: Span,
    /// How long after it learned of it the vendor sends it.
    pub late: Span,
    /// How often it is sent; 0 is never.
    pub copies: u32,
}

/// One thing that comes to pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The vendor learns of something at a door.
    Event(Happening),
    /// Every open connection is cut.
    DropConnection,
    /// Tokens and sessions are valid no longer.
    ExpireToken,
    /// The vendor stops sending webhooks.
    DisableWebhook,
    /// So many requests are answered 429.
    Refuse(u32),
    /// So many requests are answered 500.
    Fail(u32),
    /// Streams say nothing for so long.
    Silence(Span),
}

/// An act and when it comes to pass, since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Span,
    /// What.
    pub act: Act,
}

/// A script, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Doors, in the order in which they are first named.
    pub doors: Vec<Door>,
    /// People, in the order in which they are declared.
    pub users: Vec<User>,
    /// What comes to pass, by time.
    pub steps: Vec<Step>,
    offline: Vec<Offline>,
    late: Span,
    copies: Option<u32>,
}

/// A time for which a door's controller does not reach its vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offline {
    door: Option<usize>,
    from: Span,
    to: Span,
}

impl Script {
    /// Reads a script. `Err`: every line that cannot be read, with its number and what is wrong.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut script = Self::default();
        let mut problems = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if let Err(problem) = script.line(line) {
                problems.push(format!("line {}: {problem}", index + 1));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let offline = std::mem::take(&mut script.offline);
        for step in &mut script.steps {
            if let Act::Event(event) = &step.act {
                step.at = uploaded(&offline, event);
            }
        }
        script.offline = offline;
        script.steps.sort_by_key(|step| step.at);
        Ok(script)
    }

    /// One more line, at this time: what `POST /_fake/do` takes. Without a time of its own.
    pub(super) fn also(&mut self, line: &str, now: Span) -> Result<Vec<Act>, String> {
        let before = std::mem::take(&mut self.steps);
        let read = self.line(&format!("{} {line}", now.as_us() as f64 / 1e6));
        let steps = std::mem::replace(&mut self.steps, before);
        read?;
        Ok(steps.into_iter().map(|step| step.act).collect())
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let words = split(line)?;
        let mut words = Words(words.into_iter().peekable());
        let Some(first) = words.0.next() else {
            return Ok(());
        };
        match first.text.as_str() {
            "door" => self.door_line(&mut words)?,
            "user" => self.user_line(&mut words)?,
            "offline" => self.offline_line(&mut words)?,
            "late" => self.late = words.seconds("how late, in seconds")?,
            "duplicate" => self.copies = Some(words.count("how often it is sent")?),
            number => {
                let at = seconds(number).ok_or_else(|| {
                    format!(
                        "begins with {number:?}: expected a time in seconds, door, user, offline, \
                         late or duplicate"
                    )
                })?;
                self.act_line(at, &mut words)?;
            }
        }
        match words.0.next() {
            Some(more) => Err(format!("there is {:?} too much", more.text)),
            None => Ok(()),
        }
    }

    fn door_line(&mut self, words: &mut Words) -> Result<(), String> {
        let name = words.word("the door's name, in quotes")?;
        let id = match words.take("id") {
            true => Some(words.word("the door's id")?),
            false => None,
        };
        let door = self.door(&name);
        self.doors[door].id = id;
        Ok(())
    }

    /// The place of a door, which is added if it is new.
    fn door(&mut self, name: &str) -> usize {
        let known = self.doors.iter().position(|door| door.name == name);
        known.unwrap_or_else(|| {
            self.doors.push(Door {
                name: name.to_owned(),
                id: None,
            });
            self.doors.len() - 1
        })
    }

    fn user_line(&mut self, words: &mut Words) -> Result<(), String> {
        let id = words.word("the user's id")?;
        let name = words.word("the user's name, in quotes")?;
        let email = words.0.next().map(|word| word.text);
        self.users.retain(|user| user.id != id);
        self.users.push(User { id, name, email });
        Ok(())
    }

    fn offline_line(&mut self, words: &mut Words) -> Result<(), String> {
        let quoted = words.0.next_if(|word| word.quoted);
        let door = quoted.map(|word| self.door(&word.text));
        let from = words.seconds("when it goes offline, in seconds")?;
        if !words.take("to") {
            return Err("expected `to` and when it is back, in seconds".to_owned());
        }
        let to = words.seconds("when it is back, in seconds")?;
        self.offline.push(Offline { door, from, to });
        Ok(())
    }

    fn act_line(&mut self, at: Span, words: &mut Words) -> Result<(), String> {
        let what = words.word("what happens")?;
        let kind = KINDS.iter().find(|(word, _)| *word == what);
        if let Some((_, kind)) = kind {
            return self.event_line(at, *kind, words);
        }
        let act = match what.as_str() {
            "drop-connection" => Act::DropConnection,
            "expire-token" => Act::ExpireToken,
            "disable-webhook" => Act::DisableWebhook,
            "refuse" => Act::Refuse(words.count("how many requests")?),
            "fail" => Act::Fail(words.count("how many requests")?),
            "silence" => Act::Silence(words.seconds("how long, in seconds")?),
            other => return Err(unknown(other)),
        };
        self.steps.push(Step { at, act });
        Ok(())
    }

    fn event_line(&mut self, at: Span, kind: Kind, words: &mut Words) -> Result<(), String> {
        let mut doors = Vec::new();
        while let Some(name) = words.0.next_if(|word| word.quoted) {
            doors.push(self.door(&name.text));
        }
        if doors.is_empty() {
            return Err("expected the name of a door, in quotes".to_owned());
        }
        let mut event = Happening {
            kind,
            doors,
            side: Side::In,
            user: None,
            occurred: at,
            late: self.late,
            copies: self.copies.unwrap_or(1),
        };
        let (mut every, mut times) = (Span::ZERO, 1);
        while let Some(word) = words.0.next() {
            match word.text.as_str() {
                "user" => event.user = Some(words.word("the user's id")?),
                "in" => event.side = Side::In,
                "out" => event.side = Side::Out,
                "late" => event.late = words.seconds("how late, in seconds")?,
                "duplicate" => event.copies = words.count("how often it is sent")?,
                "lost" => event.copies = 0,
                "every" => every = words.seconds("how far apart, in seconds")?,
                "times" => times = words.count("how often it happens")?.min(MOST_REPEATS),
                other => return Err(format!("there is {other:?} too much")),
            }
        }
        for _ in 0..times {
            let at = event.occurred;
            let act = Act::Event(event.clone());
            self.steps.push(Step { at, act });
            event.occurred = at + every;
        }
        Ok(())
    }
}

fn unknown(word: &str) -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
    format!(
        "{word:?} is not known. At doors there are {}; else drop-connection, expire-token, \
         disable-webhook, refuse, fail and silence",
        kinds.join(", ")
    )
}

/// When the vendor learns of an event.
fn uploaded(offline: &[Offline], event: &Happening) -> Span {
    let mut at = event.occurred;
    for gap in offline {
        let here = gap.door.is_none_or(|door| event.doors.contains(&door));
        if here && gap.from <= event.occurred && event.occurred < gap.to {
            at = at.max(gap.to);
        }
    }
    at
}

struct Word {
    text: String,
    quoted: bool,
}

struct Words(std::iter::Peekable<std::vec::IntoIter<Word>>);

impl Words {
    fn word(&mut self, what: &str) -> Result<String, String> {
        let word = self.0.next().ok_or_else(|| format!("{what} is missing"))?;
        Ok(word.text)
    }

    fn take(&mut self, word: &str) -> bool {
        self.0
            .next_if(|next| !next.quoted && next.text == word)
            .is_some()
    }

    fn seconds(&mut self, what: &str) -> Result<Span, String> {
        let word = self.word(what)?;
        seconds(&word).ok_or_else(|| format!("{word:?} is not a number of seconds ({what})"))
    }

    fn count(&mut self, what: &str) -> Result<u32, String> {
        let word = self.word(what)?;
        word.parse()
            .map_err(|_| format!("{word:?} is not a whole number ({what})"))
    }
}

fn seconds(word: &str) -> Option<Span> {
    let number: f64 = word.parse().ok()?;
    (number.is_finite() && number >= 0.0).then(|| Span::from_s(number))
}

/// Splits a line at white space outside quotes; what follows a `#` outside quotes is a remark.
fn split(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '#' {
            break;
        }
        let (text, quoted, after) = if let Some(inside) = rest.strip_prefix('"') {
            let (text, after) = inside.split_once('"').ok_or("a quote is not closed")?;
            (text, true, after)
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (&rest[..end], false, &rest[end..])
        };
        words.push(Word {
            text: text.to_owned(),
            quoted,
        });
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(script: &Script) -> Vec<String> {
        let tell = |step: &Step| {
            let at = step.at.as_us() as f64 / 1e6;
            match &step.act {
                Act::Event(event) => format!(
                    "{at} {:?} {:?} {:?} {} of {}, late {}, {} times",
                    event.kind,
                    event.doors,
                    event.side,
                    event.user.as_deref().unwrap_or("nobody"),
                    event.occurred.as_us() as f64 / 1e6,
                    event.late.as_us() as f64 / 1e6,
                    event.copies,
                ),
                act => format!("{at} {act:?}"),
            }
        };
        script.steps.iter().map(tell).collect()
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let script = Script::parse(text).expect("a script");
        assert_eq!(told(&script), expect);
    }

    #[track_caller]
    fn check_refused(text: &str, expect: &[&str]) {
        assert_eq!(Script::parse(text).expect_err("problems"), expect);
    }

    #[test]
    fn events_name_door_side_and_user() {
        check(
            "door \"Main\" id 9\n2.5 grant \"Main\" \"Side\" out user 7 # both\n1 forced \"Side\"",
            &[
                "1 Forced [1] In nobody of 1, late 0, 1 times",
                "2.5 Grant [0, 1] Out 7 of 2.5, late 0, 1 times",
            ],
        );
    }

    #[test]
    fn delivery_is_set_for_the_rest_or_for_one_event() {
        check(
            "late 30\n1 grant \"D\"\nduplicate 2\n2 grant \"D\" late 0\n3 grant \"D\" lost",
            &[
                "1 Grant [0] In nobody of 1, late 30, 1 times",
                "2 Grant [0] In nobody of 2, late 0, 2 times",
                "3 Grant [0] In nobody of 3, late 30, 0 times",
            ],
        );
    }

    #[test]
    fn a_controller_that_was_offline_uploads_later() {
        check(
            "4 grant \"A\"\n6 grant \"A\"\n6 grant \"B\"\n20 grant \"A\"\noffline \"A\" 5 to 20",
            &[
                "4 Grant [0] In nobody of 4, late 0, 1 times",
                "6 Grant [1] In nobody of 6, late 0, 1 times",
                "20 Grant [0] In nobody of 6, late 0, 1 times",
                "20 Grant [0] In nobody of 20, late 0, 1 times",
            ],
        );
    }

    #[test]
    fn events_repeat() {
        check(
            "1 opened \"A\" every 0.5 times 3",
            &[
                "1 Opened [0] In nobody of 1, late 0, 1 times",
                "1.5 Opened [0] In nobody of 1.5, late 0, 1 times",
                "2 Opened [0] In nobody of 2, late 0, 1 times",
            ],
        );
    }

    #[test]
    fn troubles_stand_in_order() {
        check(
            "3 silence 60\n1 drop-connection\n2 refuse 4",
            &[
                "1 DropConnection",
                "2 Refuse(4)",
                "3 Silence(Span(60000000))",
            ],
        );
    }

    #[test]
    fn every_problem_is_named_by_its_line() {
        check_refused(
            "soon grant \"A\"\n1 grant A\n1 grant \"A\n2 fly \"A\"\n\n3 refuse x\n4 fail 1 2",
            &[
                "line 1: begins with \"soon\": expected a time in seconds, door, user, offline, \
                 late or duplicate",
                "line 2: expected the name of a door, in quotes",
                "line 3: a quote is not closed",
                "line 4: \"fly\" is not known. At doors there are grant, denied, unknown-card, \
                 forced, held, held-ended, opened, closed, exit-request, unlock-started, \
                 unlock-ended; else drop-connection, expire-token, disable-webhook, refuse, fail \
                 and silence",
                "line 6: \"x\" is not a whole number (how many requests)",
                "line 7: there is \"2\" too much",
            ],
        );
    }
}
