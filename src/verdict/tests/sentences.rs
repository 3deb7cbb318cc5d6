//! What a guard reads.

use super::script::{play, read};
use crate::crossing::Crossing;
use crate::units::{DoorId, Instant};
use crate::verdict::{Names, explain_grant, explain_steps, explain_verdict};

struct Site;

impl Names for Site {
    fn door(&self, _: DoorId) -> String {
        "Front door".to_owned()
    }
    fn direction(&self, crossing: &Crossing) -> String {
        crate::verdict::PlainNames.direction(crossing)
    }
    fn time(&self, at: Instant) -> String {
        // The scripts begin at 10:02:00.
        let tenths = at.as_us() / 100_000 + 36_120 * 10;
        let (minutes, seconds) = (tenths / 600, tenths % 600);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        format!("{hours}:{minutes:02}:{:02}.{}", seconds / 10, seconds % 10)
    }
}

/// The lines of the last statement on each crossing.
#[track_caller]
fn check_lines(script: &str, expect: &str) {
    let (_, said) = play(&read(script));
    let mut lines: Vec<(u32, String)> = Vec::new();
    for verdict in &said.verdicts {
        let number = verdict.crossing.id.0;
        lines.retain(|(known, _)| *known != number);
        lines.push((number, explain_verdict(verdict, &Site)));
    }
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines.join("\n"), expect);
}

/// The steps of the last statement on a crossing, without the first (where it went).
#[track_caller]
fn check_steps(script: &str, number: u32, expect: &str) {
    let (_, said) = play(&read(script));
    let of_it = |verdict: &&crate::verdict::Verdict| verdict.crossing.id.0 == number;
    let verdict = said.verdicts.iter().rev().find(of_it).expect("a verdict");
    let json = serde_json::to_string(verdict).expect("JSON");
    let back: crate::verdict::Verdict = serde_json::from_str(&json).expect("the verdict again");
    assert_eq!(&back, verdict);
    assert_eq!(explain_steps(verdict, &Site)[1..].join("\n"), expect);
}

#[track_caller]
fn check_grant(script: &str, expect: &str) {
    let (_, said) = play(&read(script));
    let lines: Vec<String> = said
        .grants
        .iter()
        .map(|grant| explain_grant(grant, &Site))
        .collect();
    assert_eq!(lines.join("\n"), expect);
}

#[test]
fn an_authorised_entry() {
    check_lines(
        "3.1 grant A holder=7731\n 5.0 in t41",
        "Front door, 10:02:05.0 in: authorised: badge 7731, granted 10:02:03.1",
    );
}

#[test]
fn tailgating_and_a_train() {
    check_lines(
        "3.1 grant A holder=7731\n 6.3 in t41\n 7.1 in t44\n 7.8 in t45",
        "Front door, 10:02:06.3 in: authorised: badge 7731, granted 10:02:03.1\n\
         Front door, 10:02:07.1 in: TAILGATING: entered 0.8 s behind track 41 on one grant \
         (badge 7731 at 10:02:03.1); no credit left\n\
         Front door, 10:02:07.8 in: TAILGATING: entered 0.7 s behind track 44, in a train led \
         by track 41, on one grant (badge 7731 at 10:02:03.1); no credit left",
    );
}

#[test]
fn a_pending_tailgater() {
    let script = read("0.0 grant A\n 1.0 in t1\n 1.8 in t2");
    let (_, said) = play(&script);
    let pending = said
        .verdicts
        .iter()
        .find(|verdict| verdict.crossing.id.0 == 2)
        .expect("one");
    let expect = "Front door, 10:02:01.8 in: TAILGATING (pending, a grant may still come in): entered \
         0.8 s behind track 1 on one grant (grant A at 10:02:00.0); no credit left";
    assert_eq!(explain_verdict(pending, &Site), expect);
}

#[test]
fn unauthorised_entries_and_what_opened_the_door() {
    check_lines(
        "1.0 in t1",
        "Front door, 10:02:01.0 in: UNAUTHORISED ENTRY: no credit, and nobody opened the door \
         for it",
    );
    check_lines(
        "0.5 forced\n 1.0 in t1",
        "Front door, 10:02:01.0 in: UNAUTHORISED ENTRY: no credit, and the door was forced \
         open at 10:02:00.5",
    );
    check_lines(
        "0.5 held\n 1.0 in t1",
        "Front door, 10:02:01.0 in: UNAUTHORISED ENTRY: no credit, and the door was held open \
         (reported 10:02:00.5)",
    );
    check_lines(
        "0.5 rex\n 1.0 in t1",
        "Front door, 10:02:01.0 in: UNAUTHORISED ENTRY: no credit, and the door was released \
         from inside at 10:02:00.5, but nobody came out",
    );
    check_lines(
        "0.5 denied\n 1.0 in t1",
        "Front door, 10:02:01.0 in: UNAUTHORISED ENTRY: no credit, and access had been refused \
         at 10:02:00.5",
    );
    check_lines(
        "0.5 opened\n 30.0 in t1",
        "Front door, 10:02:30.0 in: UNAUTHORISED ENTRY: no credit, and the door had been open \
         since 10:02:00.5",
    );
    check_lines(
        "policy exit_needs_grant\n 1.0 out t1",
        "Front door, 10:02:01.0 out: UNAUTHORISED EXIT: no credit, and nobody opened the door \
         for it",
    );
}

#[test]
fn exits_and_entries_on_them() {
    check_lines(
        "1.0 out t1\n 1.6 in t2\n 2.0 in t3",
        "Front door, 10:02:01.0 out: exit: counted, neither gives nor takes a credit\n\
         Front door, 10:02:01.6 in: ENTRY ON EXIT: slipped in 0.6 s after track 1 came out; no \
         credit\n\
         Front door, 10:02:02.0 in: ENTRY ON EXIT: slipped in 1.0 s after track 1 came out; no \
         credit",
    );
    check_lines(
        "policy exit_needs_grant\n 0.0 grant A dir=out holder=7\n 1.0 out t1",
        "Front door, 10:02:01.0 out: exit: badge 7, granted 10:02:00.0",
    );
}

#[test]
fn free_ways_wrong_ways_and_turns() {
    check_lines(
        "0.0 unlock\n 1.0 in t1",
        "Front door, 10:02:01.0 in: free passage: the door was unlocked from 10:02:00.0",
    );
    check_lines(
        "policy one_way=in\n 1.0 out t1",
        "Front door, 10:02:01.0 out: WRONG WAY: this door may be walked in only",
    );
    check_lines(
        "policy net_u_turns\n 1.0 in t1 track=9\n 3.1 out t2 track=9",
        "Front door, 10:02:01.0 in: u-turn: the same track passed the other way 2.1 s after; \
         the two count as nothing\n\
         Front door, 10:02:03.1 out: u-turn: the same track passed the other way 2.1 s before; \
         the two count as nothing",
    );
}

#[test]
fn undetermined_and_amended() {
    check_lines(
        "0.5 feed complete=100 gap=0..0.4\n 1.0 in t1",
        "Front door, 10:02:01.0 in: UNDETERMINED: likely unauthorised entry, but access events \
         were missing or late",
    );
    check_lines(
        "0.5 grant A holder=7731 late=30\n 1.0 in t1",
        "Front door, 10:02:01.0 in: authorised (amended after a late grant, was UNAUTHORISED \
         ENTRY): badge 7731, granted 10:02:00.5",
    );
    check_lines(
        "1.0 in t1 doubt=crowded",
        "Front door, 10:02:01.0 in: UNAUTHORISED ENTRY: no credit, and nobody opened the door \
         for it; uncertain because people were too close together to tell apart",
    );
}

#[test]
fn the_steps_say_why_and_why_not() {
    check_steps(
        "0.0 grant A holder=7731\n 1.0 in t1\n 1.8 in t2",
        2,
        "badge 7731 at 10:02:00.0 (good 10:01:59.0 to 10:02:10.0): spent already, on track 1 \
         (0.8 s before)\n\
         it went 0.8 s behind track 1",
    );
    check_steps(
        "0.0 grant A\n 0.2 grant B\n 1.0 in t1",
        1,
        "grant A at 10:02:00.0 (good 10:01:59.0 to 10:02:10.0): spent on this crossing\n\
         grant B at 10:02:00.2 (good 10:01:59.2 to 10:02:10.2): good, and not needed",
    );
    check_steps(
        "0.0 grant A\n 5.0 grant B dir=out\n 12.0 in t1\n 14.0 grant C",
        1,
        "grant A at 10:02:00.0 (good 10:01:59.0 to 10:02:10.0): expired 2.0 s before\n\
         grant B at 10:02:05.0 (good 10:02:04.0 to 10:02:15.0): is for the other direction\n\
         grant C at 10:02:14.0 (good 10:02:13.0 to 10:02:24.0): came 1.0 s too late for it\n\
         not tailgating: no credited passage anywhere near\n\
         not an entry on an exit: no exit anywhere near",
    );
    check_steps(
        "1.0 in t1",
        1,
        "no grant near it; one between 10:01:51.0 and 10:02:02.0 would have fitted\n\
         not tailgating: no credited passage anywhere near\n\
         not an entry on an exit: no exit anywhere near",
    );
    let script =
        "0.0 grant A\n 0.9 opened\n 1.0 in t1\n 2.0 closed\n 3.0 opened\n 3.5 in t2\n 9.0 out t3";
    check_steps(
        script,
        2,
        "grant A at 10:02:00.0 (good 10:01:59.0 to 10:02:10.0): spent already, on track 1 (2.5 \
         s before)\n\
         not tailgating: the nearest credited passage was track 1, 2.5 s before, and the door \
         was closed in between\n\
         not an entry on an exit: no exit anywhere near\n\
         door opened at 10:02:00.9\n\
         door closed at 10:02:02.0\n\
         door opened at 10:02:03.0",
    );
    check_steps(
        "0.0 feed complete=0\n 0.0 grant A width=3\n 1.0 in t1\n 1.5 in t2",
        2,
        "grant A at 10:02:01.5 (good 10:01:59.0 to 10:02:13.0): spent already, on track 1 (0.5 \
         s before)\n\
         it went 0.5 s behind track 1\n\
         the time of grant A is known to 3.0 s only; 2.5 s would do\n\
         access events were known only up to 10:02:00.0\n\
         doubt: access events were missing or late\n\
         doubt: the clocks of camera and access control disagree",
    );
    check_steps(
        "1.0 blind until=2\n 1.5 in t1",
        1,
        "no grant near it; one between 10:01:51.5 and 10:02:02.5 would have fitted\n\
         not tailgating: no credited passage anywhere near\n\
         not an entry on an exit: no exit anywhere near\n\
         the camera could not be believed from 10:02:01.0 to 10:02:02.0\n\
         doubt: the camera could not be believed",
    );
    check_steps(
        "0.5 grant A late=30\n 1.0 in t1",
        1,
        "grant A at 10:02:00.5 (good 10:01:59.5 to 10:02:10.5): spent on this crossing\n\
         it was stated as unauthorised_entry before\n\
         doubt: a grant arrived late",
    );
}

#[test]
fn what_became_of_a_grant() {
    check_grant(
        "0.0 grant A holder=7731\n 1.0 in t1",
        "Front door, 10:02:00.0: badge 7731: may enter\n\
         Front door, 10:02:00.0: badge 7731: used by track 1, 1.0 s later\n\
         Front door, 10:02:00.0: badge 7731: used by track 1, 1.0 s later",
    );
    check_grant(
        "0.0 grant A",
        "Front door, 10:02:00.0: grant A: may enter\n\
         Front door, 10:02:00.0: grant A: not used: nobody walked",
    );
    check_grant(
        "0.0 grant A\n 5.0 blind until=6",
        "Front door, 10:02:00.0: grant A: may enter\n\
         Front door, 10:02:00.0: grant A: use unknown: the camera could not be believed",
    );
    check_grant(
        "0.0 unlock\n 1.0 grant A",
        "Front door, 10:02:01.0: grant A: may enter\n\
         Front door, 10:02:01.0: grant A: not used: the door was unlocked, nobody needed it",
    );
}
