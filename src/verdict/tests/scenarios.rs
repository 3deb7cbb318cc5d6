//! What happens at a door, and what the ledger must make of it.

use super::script::{play, read};

/// Plays `script` and compares how things stand in the end.
#[track_caller]
fn check(script: &str, expect: &str) {
    let (_, said) = play(&read(script));
    let expect: Vec<&str> = expect
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let got = said.outcome();
    assert_eq!(
        got,
        expect,
        "\nscript:{script}\nstated:\n{}",
        said.trace().join("\n")
    );
}

/// Plays `script` and compares everything that was stated on crossings.
#[track_caller]
fn check_trace(script: &str, expect: &str) {
    let (_, said) = play(&read(script));
    let expect: Vec<&str> = expect
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(said.trace(), expect, "\nscript:{script}");
}

// One grant, one person.

#[test]
fn one_grant_one_person() {
    check("0.0 grant A\n 1.9 in t1", "t1 authorised A\n A used t1");
}

#[test]
fn the_window_includes_its_end() {
    check("0.0 grant A\n 10.0 in t1", "t1 authorised A\n A used t1");
}

#[test]
fn beyond_the_window_the_credit_has_expired() {
    check(
        "0.0 grant A\n 10.1 in t1",
        "t1 unauthorised_entry\n A unused",
    );
}

#[test]
fn a_grant_may_come_a_little_after_the_crossing() {
    check("2.0 in t1\n 3.0 grant A", "t1 authorised A\n A used t1");
}

#[test]
fn a_grant_that_comes_too_long_after_is_for_somebody_else() {
    check(
        "2.0 in t1\n 3.1 grant A",
        "t1 unauthorised_entry\n A unused",
    );
}

#[test]
fn a_grant_nobody_walks_on_is_unused() {
    check("0.0 grant A", "A unused");
}

#[test]
fn a_refusal_is_never_a_credit() {
    check("0.0 denied A\n 1.0 in t1", "t1 unauthorised_entry");
}

#[test]
fn a_grant_at_another_door_is_not_ours() {
    check("0.0 grant A door=1\n 1.0 in t1", "t1 unauthorised_entry");
}

#[test]
fn a_grant_at_no_known_door_is_not_ours() {
    check("0.0 grant A door=none\n 1.0 in t1", "t1 unauthorised_entry");
}

// Tailgating.

#[test]
fn two_people_on_one_grant() {
    check(
        "0.0 grant A\n 1.9 in t1\n 2.7 in t2",
        "t1 authorised A\n t2 tailgating t1\n A used t1",
    );
}

#[test]
fn a_whole_train_on_one_grant() {
    let script = "policy follow=1
        0.0 grant A
        1.0 in t1
        1.8 in t2
        2.6 in t3
        3.4 in t4";
    let expect = "t1 authorised A\n t2 tailgating t1\n t3 tailgating t1\n t4 tailgating t1
        A used t1";
    check(script, expect);
}

#[test]
fn the_train_ends_where_the_gap_is_longer_than_the_follow_time() {
    let script = "policy follow=1\n 0.0 grant A\n 1.0 in t1\n 1.8 in t2\n 2.9 in t3";
    let expect = "t1 authorised A\n t2 tailgating t1\n t3 unauthorised_entry\n A used t1";
    check(script, expect);
}

#[test]
fn somebody_who_follows_nobody_with_a_credit_is_no_tailgater() {
    check(
        "1.0 in t1\n 1.8 in t2",
        "t1 unauthorised_entry\n t2 unauthorised_entry",
    );
}

#[test]
fn side_by_side_the_tailgater_may_be_first_over_the_line() {
    // The badge was read too late for the first one, and the two were in the opening together.
    let script = "1.0 in t1 width=1\n 1.4 in t2 width=1\n 2.6 grant A";
    let expect = "t1 tailgating t2\n t2 authorised A [window_edge]\n A used t2";
    check(script, expect);
}

#[test]
fn one_passage_each_for_two_grants_two_people() {
    let script = "0.0 grant A\n 0.5 grant B\n 1.9 in t1\n 2.7 in t2";
    check(
        script,
        "t1 authorised A\n t2 authorised B\n A used t1\n B used t2",
    );
}

#[test]
fn two_grants_two_people_one_opening_in_any_order() {
    let script = "0.0 grant A
        0.9 opened
        1.0 in t1
        1.5 grant B
        1.6 in t2
        4.0 closed";
    check(
        script,
        "t1 authorised A\n t2 authorised B\n A used t1\n B used t2",
    );
}

#[test]
fn three_people_on_two_grants() {
    let script = "0.0 grant A\n 0.2 grant B\n 1.0 in t1\n 1.8 in t2\n 2.6 in t3";
    let expect = "t1 authorised A\n t2 authorised B\n t3 tailgating t2\n A used t1\n B used t2";
    check(script, expect);
}

#[test]
fn two_grants_with_one_time_stamp_both_count() {
    let script = "0.0 grant A width=1\n 0.0 grant B width=1\n 1.5 in t1\n 2.0 in t2";
    check(
        script,
        "t1 authorised A\n t2 authorised B\n A used t1\n B used t2",
    );
}

#[test]
fn a_repeated_event_counts_once() {
    let script = "0.0 grant A twice\n 1.0 in t1\n 1.8 in t2";
    check(script, "t1 authorised A\n t2 tailgating t1\n A used t1");
}

#[test]
fn the_oldest_credit_is_spent_first() {
    let script = "0.0 grant A\n 3.0 grant B\n 4.0 in t1";
    check(script, "t1 authorised A\n A used t1\n B unused");
}

#[test]
fn a_closed_door_parts_a_follower_from_the_one_before() {
    let script = "0.0 grant A
        0.9 opened
        1.0 in t1
        2.0 closed
        3.0 opened
        3.5 in t2";
    check(
        script,
        "t1 authorised A\n t2 unauthorised_entry\n A used t1",
    );
}

#[test]
fn one_opening_is_one_opening_however_its_stamps_lag() {
    // The contact's clock runs 0.3 s late: the opening seems to begin after the first one passed.
    let script = "0.0 grant A\n 1.0 in t1\n 1.3 opened\n 1.9 in t2\n 4.0 closed";
    check(script, "t1 authorised A\n t2 tailgating t1\n A used t1");
}

#[test]
fn a_door_reported_closed_but_never_opened_again_was_not_closed_for_certain() {
    let script = "0.0 grant A\n 0.9 opened\n 1.0 in t1\n 1.5 closed\n 1.9 in t2";
    check(script, "t1 authorised A\n t2 tailgating t1\n A used t1");
}

// Exits, and entries on them.

#[test]
fn an_exit_gives_no_credit() {
    check("1.0 out t1\n 9.0 in t2", "t1 exit\n t2 unauthorised_entry");
}

#[test]
fn an_exit_takes_no_credit() {
    let script = "0.0 grant A\n 1.0 out t1\n 2.0 in t2";
    check(script, "t1 exit\n t2 authorised A\n A used t2");
}

#[test]
fn an_entry_while_somebody_comes_out() {
    check("1.0 out t1\n 1.6 in t2", "t1 exit\n t2 entry_on_exit t1");
}

#[test]
fn an_entry_just_before_somebody_comes_out() {
    check("1.0 in t1\n 1.6 out t2", "t1 entry_on_exit t2\n t2 exit");
}

#[test]
fn tailgating_outweighs_an_exit() {
    let script = "0.0 grant A\n 1.0 in t1\n 1.5 out t2\n 1.8 in t3";
    check(
        script,
        "t1 authorised A\n t2 exit\n t3 tailgating t1\n A used t1",
    );
}

#[test]
fn ones_own_exit_is_no_opening_for_oneself() {
    check(
        "1.0 out t1 track=7\n 2.0 in t2 track=7",
        "t1 exit\n t2 unauthorised_entry",
    );
}

#[test]
fn an_exit_through_another_opening_is_no_excuse() {
    let script = "0.9 opened\n 1.0 out t1\n 1.6 closed\n 3.0 forced\n 3.2 in t2";
    check(script, "t1 exit\n t2 unauthorised_entry");
}

#[test]
fn going_out_spends_a_credit_where_policy_says_so() {
    let script = "policy exit_needs_grant
        0.0 grant A dir=out
        0.1 grant B dir=in
        1.0 out t1
        2.0 in t2";
    check(
        script,
        "t1 exit A\n t2 authorised B\n A used t1\n B used t2",
    );
}

#[test]
fn going_out_without_a_grant_where_one_is_needed() {
    check(
        "policy exit_needs_grant\n 1.0 out t1",
        "t1 unauthorised_exit",
    );
}

#[test]
fn going_out_behind_somebody_with_a_grant() {
    let script = "policy exit_needs_grant\n 0.0 grant A dir=out\n 1.0 out t1\n 1.7 out t2";
    check(script, "t1 exit A\n t2 tailgating t1\n A used t1");
}

#[test]
fn a_grant_from_the_inside_reader_lets_nobody_in() {
    let script = "0.0 grant A dir=out\n 1.0 in t1\n 2.0 out t2";
    check(script, "t1 entry_on_exit t2\n t2 exit A\n A used t2");
}

#[test]
fn a_grant_of_no_stated_direction_fits_both_where_readers_are_on_both_sides() {
    let script = "policy exit_needs_grant\n 0.0 grant A\n 1.0 out t1";
    check(script, "t1 exit A [reader_unknown]\n A used t1");
}

// Forced, held, released.

#[test]
fn a_forced_door() {
    check("0.5 forced\n 1.0 in t1", "t1 unauthorised_entry");
}

#[test]
fn a_forced_door_parts_from_the_credited_passage_before() {
    let script = "0.0 grant A\n 1.0 in t1\n 3.0 forced\n 3.4 in t2";
    check(
        script,
        "t1 authorised A\n t2 unauthorised_entry\n A used t1",
    );
}

#[test]
fn a_door_held_open_is_nobodys_grant() {
    let script = "0.0 grant A\n 0.9 opened\n 1.0 in t1\n 31.0 held\n 40.0 in t2";
    check(
        script,
        "t1 authorised A\n t2 unauthorised_entry\n A used t1",
    );
}

// Unlocks.

#[test]
fn free_passage_while_unlocked() {
    let script = "0.0 unlock\n 1.0 in t1\n 2.0 out t2\n 30.0 in t3\n 40.0 lock\n 50.0 in t4";
    check(
        script,
        "t1 free_passage\n t2 exit\n t3 free_passage\n t4 unauthorised_entry",
    );
}

#[test]
fn a_grant_while_unlocked_gets_its_outcome() {
    check(
        "0.0 unlock\n 1.0 grant A\n 2.0 in t1\n 40.0 lock",
        "t1 free_passage\n A unused",
    );
}

#[test]
fn free_passages_take_no_credit_from_those_who_come_after() {
    let script = "0.0 unlock\n 8.0 grant A\n 9.0 in t1\n 10.0 lock\n 12.0 in t2";
    check(script, "t1 free_passage\n t2 authorised A\n A used t2");
}

#[test]
fn an_unlock_whose_end_is_uncertain_is_given_the_benefit() {
    let script = "0.0 unlock\n 10.0 lock width=1\n 10.5 in t1\n 11.5 in t2";
    check(
        script,
        "t1 free_passage [window_edge]\n t2 unauthorised_entry",
    );
}

#[test]
fn an_unlock_that_is_reported_late_repairs() {
    let script = "5.0 in t1\n 0.0 unlock late=60\n 20.0 lock late=41";
    check(script, "t1 free_passage");
}

// Ways and turns.

#[test]
fn against_the_only_way() {
    check("policy one_way=in\n 1.0 out t1", "t1 wrong_way");
}

#[test]
fn wrong_way_spends_nothing() {
    let script = "policy one_way=out\n 0.0 grant A\n 1.0 in t1";
    check(script, "t1 wrong_way\n A unused");
}

#[test]
fn a_u_turn_nets_to_nothing_and_the_credit_goes_back() {
    let script = "policy net_u_turns
        0.0 grant A
        1.0 in t1 track=5
        3.0 out t2 track=5
        6.0 in t3 track=5";
    check(
        script,
        "t1 u_turn t2\n t2 u_turn t1\n t3 authorised A\n A used t3",
    );
}

#[test]
fn a_u_turn_counts_where_policy_does_not_net() {
    let script = "0.0 grant A\n 1.0 in t1 track=5\n 3.0 out t2 track=5";
    check(script, "t1 authorised A\n t2 exit\n A used t1");
}

#[test]
fn a_slow_u_turn_counts() {
    let script = "policy net_u_turns\n 0.0 grant A\n 1.0 in t1 track=5\n 6.1 out t2 track=5";
    check(script, "t1 authorised A\n t2 exit\n A used t1");
}

#[test]
fn two_people_are_no_u_turn() {
    let script = "policy net_u_turns\n 0.0 grant A\n 1.0 in t1\n 3.0 out t2";
    check(script, "t1 authorised A\n t2 exit\n A used t1");
}

#[test]
fn pacing_to_and_fro_nets_pair_by_pair() {
    let script = "policy net_u_turns
        1.0 in t1 track=5
        2.0 out t2 track=5
        3.0 in t3 track=5
        4.0 out t4 track=5";
    check(
        script,
        "t1 u_turn t2\n t2 u_turn t1\n t3 u_turn t4\n t4 u_turn t3",
    );
}

// Escorts.

#[test]
fn an_escort_policy_allows_several_passages() {
    let script = "policy passages=2\n 0.0 grant A\n 1.0 in t1\n 2.0 in t2\n 3.0 in t3";
    check(
        script,
        "t1 authorised A\n t2 authorised A/2\n t3 tailgating t2\n A used t1 t2",
    );
}

#[test]
fn an_event_may_say_how_many_it_allows() {
    let script = "0.0 grant A n=3\n 1.0 in t1\n 2.0 in t2";
    check(script, "t1 authorised A\n t2 authorised A/2\n A used t1 t2");
}

#[test]
fn a_grant_for_nobody_lets_nobody_in() {
    check(
        "0.0 grant A n=0\n 1.0 in t1",
        "t1 unauthorised_entry\n A unused",
    );
}

// The door's own open time.

#[test]
fn a_credit_lasts_as_long_as_its_opening() {
    let script = "policy open_window=30\n 0.0 grant A\n 8.0 opened\n 15.0 in t1\n 20.0 closed";
    check(script, "t1 authorised A\n A used t1");
}

#[test]
fn a_credit_does_not_outlast_its_opening() {
    let script = "policy open_window=30\n 0.0 grant A\n 8.0 opened\n 12.0 closed\n 15.0 in t1";
    check(script, "t1 unauthorised_entry\n A unused");
}

#[test]
fn a_credit_does_not_outlast_the_bound_on_open_time() {
    let script = "policy open_window=30\n 0.0 grant A\n 8.0 opened\n 31.0 in t1";
    check(script, "t1 unauthorised_entry\n A unused");
}

// Times as intervals.

#[test]
fn whole_second_stamps_are_normal() {
    let script = "0.0 grant A width=1\n 0.4 in t1 width=0.6\n 1.2 in t2 width=0.6";
    check(script, "t1 authorised A\n t2 tailgating t1\n A used t1");
}

#[test]
fn at_the_edge_of_the_window_the_benefit_and_a_doubt() {
    let script = "0.0 grant A width=1\n 10.5 in t1";
    check(script, "t1 authorised A [window_edge]\n A used t1");
}

#[test]
fn a_crossing_uncertain_enough_to_be_in_the_window() {
    let script = "0.0 grant A\n 10.3 in t1 width=1";
    check(script, "t1 authorised A [window_edge]\n A used t1");
}

#[test]
fn lingering_on_the_threshold_does_not_stretch_the_window_for_ever() {
    let script = "0.0 grant A\n 14.0 in t1 width=20";
    check(script, "t1 unauthorised_entry\n A unused");
}

// Doubts that make the ledger abstain.

#[test]
fn a_clock_uncertain_by_more_than_a_quarter_of_the_window() {
    let script = "0.0 grant A width=2.6\n 3.0 in t1";
    let expect = "t1 undetermined(authorised) A [clock_uncertain]
        A undetermined t1 [clock_uncertain]";
    check(script, expect);
}

#[test]
fn a_quarter_of_the_window_is_just_good_enough() {
    check(
        "0.0 grant A width=2.5\n 3.0 in t1",
        "t1 authorised A\n A used t1",
    );
}

#[test]
fn policy_may_know_the_clocks_to_be_off() {
    let script = "policy clock=20\n 0.0 grant A\n 15.0 in t1\n 16.0 in t2";
    let expect = "t1 undetermined(authorised) A [clock_uncertain]
        t2 undetermined(tailgating) t1 [clock_uncertain]
        A undetermined t1 [clock_uncertain]";
    check(script, expect);
}

#[test]
fn a_clock_uncertain_elsewhere_does_not_hide_a_break_in() {
    let script = "policy clock=20\n 0.0 grant A\n 90.0 in t1";
    check(
        script,
        "t1 unauthorised_entry\n A undetermined [clock_uncertain]",
    );
}

#[test]
fn blindness_around_an_uncredited_entry() {
    let script = "0.5 blind until=0.8\n 1.0 in t1";
    check(script, "t1 undetermined(unauthorised_entry) [sight_lost]");
}

#[test]
fn blindness_around_a_credited_entry_is_a_doubt() {
    let script = "0.0 grant A\n 0.5 blind until=0.8\n 1.0 in t1";
    check(script, "t1 authorised A [sight_lost]\n A used t1");
}

#[test]
fn blindness_between_a_grant_and_its_entry_is_a_doubt() {
    // Whoever was granted may have walked unseen, and this one with nothing.
    let script = "0.0 grant A\n 1.0 blind until=3.0\n 6.0 in t1";
    check(script, "t1 authorised A [sight_lost]\n A used t1");
}

#[test]
fn blindness_long_before_changes_nothing() {
    check("0.0 blind until=5\n 20.0 in t1", "t1 unauthorised_entry");
}

#[test]
fn a_grant_while_blind() {
    check(
        "0.0 grant A\n 5.0 blind until=6",
        "A undetermined [sight_lost]",
    );
}

#[test]
fn a_grant_at_the_end_of_the_footage() {
    check(
        "0.0 grant A\n 4.0 blind because=footage_ended",
        "A undetermined [footage_ended]",
    );
}

#[test]
fn blindness_that_lasts_and_then_ends() {
    let script = "0.0 blind\n 3.0 grant A\n 20.0 grant B\n 16.0 tick\n 0.0 blind until=18";
    check(script, "A undetermined [sight_lost]\n B unused");
}

#[test]
fn missing_frames_around_an_uncredited_entry() {
    let script = "0.8 blind until=1.2 because=frames_starved\n 1.0 in t1";
    check(
        script,
        "t1 undetermined(unauthorised_entry) [frames_starved]",
    );
}

#[test]
fn a_crossing_the_camera_itself_cannot_vouch_for() {
    let script = "1.0 in t1 doubt=sight_lost";
    check(script, "t1 undetermined(unauthorised_entry) [sight_lost]");
}

#[test]
fn a_calibration_that_cannot_be_trusted() {
    let script = "1.0 in t1 doubt=calibration_uncertain";
    check(
        script,
        "t1 undetermined(unauthorised_entry) [calibration_uncertain]",
    );
}

#[test]
fn lesser_doubts_of_a_crossing_are_carried_on() {
    for doubt in [
        "track_interrupted",
        "born_on_threshold",
        "vanished_on_threshold",
        "feet_hidden",
        "margin_small",
        "crowded",
        "frames_starved",
    ] {
        let script = format!("1.0 in t1 doubt={doubt}");
        check(&script, &format!("t1 unauthorised_entry [{doubt}]"));
    }
}

#[test]
fn a_gap_in_the_feed_where_a_grant_could_be() {
    let script = "0.5 feed complete=100 gap=0..0.4\n 1.0 in t1";
    check(script, "t1 undetermined(unauthorised_entry) [feed_behind]");
}

#[test]
fn a_gap_in_the_feed_elsewhere() {
    let script = "0.5 feed complete=100 gap=0..0.4\n 20.0 in t1";
    check(script, "t1 unauthorised_entry");
}

#[test]
fn a_gap_in_the_feed_does_not_matter_to_those_with_a_credit() {
    let script = "0.0 grant A\n 0.5 feed complete=100 gap=0.1..0.4\n 1.0 in t1";
    check(script, "t1 authorised A\n A used t1");
}

// What is stated when.

#[test]
fn an_uncredited_entry_is_stated_at_once_and_final_when_late_grants_are_ruled_out() {
    let script = "0.0 grant A\n 1.0 in t1\n 1.8 in t2";
    let expect = "1.0 provisional#1 t1 authorised A
        1.8 provisional#1 t2 tailgating t1
        2.5 final#2 t1 authorised A
        3.3 final#2 t2 tailgating t1";
    check_trace(script, expect);
}

#[test]
fn a_complete_feed_makes_it_final_sooner() {
    let script = "0.0 feed complete=100\n 0.0 grant A\n 1.0 in t1\n 1.8 in t2";
    let expect = "1.0 provisional#1 t1 authorised A
        1.5 final#2 t1 authorised A
        1.8 provisional#1 t2 tailgating t1
        2.3 final#2 t2 tailgating t1";
    check_trace(script, expect);
}

#[test]
fn the_measured_lateness_shortens_the_wait_and_policy_bounds_it() {
    let script = "0.0 feed complete=0 lateness=0.1\n 0.0 grant A\n 1.0 in t1";
    check_trace(
        script,
        "1.0 provisional#1 t1 authorised A\n 2.1 final#2 t1 authorised A",
    );
    let script = "0.0 feed complete=0 lateness=9\n 0.0 grant A\n 1.0 in t1";
    check_trace(
        script,
        "1.0 provisional#1 t1 authorised A\n 2.5 final#2 t1 authorised A",
    );
}

#[test]
fn a_late_grant_within_the_wait_is_no_amendment() {
    let script = "0.5 grant A late=1.2\n 1.0 in t1";
    let expect = "1.0 provisional#1 t1 unauthorised_entry
        1.7 provisional#2 t1 authorised A
        2.5 final#3 t1 authorised A";
    check_trace(script, expect);
}

#[test]
fn a_late_grant_amends() {
    let script = "0.5 grant A late=3600\n 1.0 in t1";
    let expect = "1.0 provisional#1 t1 unauthorised_entry
        4.5 final#2 t1 unauthorised_entry
        3600.5 amended#3 t1 authorised A [late_grant]";
    check_trace(script, expect);
    check(script, "t1 authorised A [late_grant]\n A used t1");
}

#[test]
fn a_late_grant_repairs_the_whole_train() {
    let script = "0.0 grant A
        0.2 grant B late=60
        1.0 in t1
        1.8 in t2
        2.6 in t3";
    // The third one followed the first's grant before, and follows the second's now.
    let expect = "t1 authorised A
        t2 authorised B [late_grant]
        t3 tailgating t2
        A used t1
        B used t2";
    check(script, expect);
}

#[test]
fn a_late_older_grant_moves_the_credits_along() {
    let script = "0.0 grant A late=60\n 0.5 grant B\n 1.0 in t1\n 1.8 in t2";
    let expect = "t1 authorised A [late_grant]
        t2 authorised B [late_grant]
        A used t1
        B used t2";
    check(script, expect);
}

#[test]
fn a_crossing_established_late_takes_its_place_in_time() {
    let script = "0.0 grant A\n 1.0 in t1 settled=3\n 1.8 in t2";
    let expect = "1.8 provisional#1 t2 authorised A
        3.3 final#2 t2 authorised A
        4.0 final#1 t1 authorised A
        4.0 amended#3 t2 tailgating t1";
    check_trace(script, expect);
}

#[test]
fn an_exit_seen_after_the_entry_still_counts() {
    let script = "1.0 in t1\n 2.0 out t2";
    let expect = "1.0 provisional#1 t1 unauthorised_entry
        2.0 provisional#2 t1 entry_on_exit t2
        2.0 provisional#1 t2 exit
        2.5 final#3 t1 entry_on_exit t2
        2.5 final#2 t2 exit";
    check_trace(script, expect);
}

#[test]
fn a_feed_that_is_behind_when_judgement_falls_due() {
    let script = "0.0 feed complete=0\n 1.0 in t1\n 9.0 feed complete=0.9\n 10.0 feed complete=8";
    let expect = "1.0 provisional#1 t1 unauthorised_entry
        4.5 final#2 t1 undetermined(unauthorised_entry) [feed_behind]
        10.0 amended#3 t1 unauthorised_entry";
    check_trace(script, expect);
}

#[test]
fn a_grant_found_while_closing_a_gap() {
    let script = "0.5 feed complete=0.5 gap=0..0.4
        0.2 grant A late=30
        1.0 in t1
        31.0 feed complete=31";
    let expect = "1.0 provisional#1 t1 undetermined(unauthorised_entry) [feed_behind]
        4.5 final#2 t1 undetermined(unauthorised_entry) [feed_behind]
        30.2 amended#3 t1 authorised A [late_grant]";
    check_trace(script, expect);
}

#[test]
fn a_gap_that_grows_and_is_closed() {
    let script = "0.0 feed complete=0 gap=0..0
        1.0 feed complete=0 gap=0..1
        1.5 in t1
        2.0 feed complete=0 gap=0..2
        20.0 feed complete=0 gap=0..20
        9.0 in t2 settled=9
        21.0 feed complete=21";
    let expect = "t1 unauthorised_entry\n t2 unauthorised_entry";
    check(script, expect);
    let (_, said) = play(&read(script));
    let amended: Vec<String> = said
        .trace()
        .into_iter()
        .filter(|line| line.starts_with("21.0"))
        .collect();
    assert_eq!(amended.len(), 2, "{amended:?}");
}

#[test]
fn blind_times_that_overlap_are_one() {
    let script = "0.0 blind until=2
        1.0 blind until=3
        3.0 blind until=4
        3.2 in t1
        10.0 in t2
        20.0 grant A
        25.0 blind until=26
        24.0 blind until=25 because=frames_starved";
    let expect = "t1 undetermined(unauthorised_entry) [sight_lost]
        t2 unauthorised_entry
        A undetermined [sight_lost frames_starved]";
    check(script, expect);
}

#[test]
fn a_u_turn_waits_for_its_other_half() {
    let script = "policy net_u_turns\n 0.0 grant A\n 1.0 in t1 track=5\n 3.0 out t2 track=5";
    let expect = "1.0 provisional#1 t1 authorised A
        3.0 provisional#2 t1 u_turn t2
        3.0 provisional#1 t2 u_turn t1
        3.5 final#2 t2 u_turn t1
        6.5 final#3 t1 u_turn t2";
    check_trace(script, expect);
}

#[test]
fn what_is_older_than_the_retention_changes_nothing() {
    let script = "policy retention=120
        1.0 in t1
        200.0 tick
        400.0 in t2
        0.5 grant A late=500
        400.0 grant B late=101";
    check(
        script,
        "t1 unauthorised_entry\n t2 authorised B [late_grant]\n B used t2",
    );
}

/// A line each for the crossings 1 to `last`, `%` standing for the number and `#` for the one before.
fn each(last: u32, line: &str) -> String {
    let lines = (1..=last).map(|number| {
        let before = (number - 1).to_string();
        line.replace('%', &number.to_string()).replace('#', &before)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_late_grant_at_its_head_repairs_a_train_of_any_length() {
    let train: Vec<String> = (2..=60).map(|n| format!("{n}.0 in t{n}")).collect();
    let script = format!(
        "policy window=2\n 1.0 in t1\n{}\n 0.5 grant A late=300",
        train.join("\n")
    );
    let followers = each(60, "t% tailgating t1 [late_grant]");
    let (_, followers) = followers.split_once('\n').expect("two lines");
    check(
        &script,
        &format!("t1 authorised A [late_grant]\n{followers}\n A used t1"),
    );
}

#[test]
fn a_late_grant_moves_credits_along_a_crowd_of_any_length() {
    let crowd = each(60, "%.0 grant G%\n %.5 in t%");
    let script = format!("{crowd}\n 0.9 grant G0 late=300");
    let moved = each(60, "t% authorised G# [late_grant]");
    let used = each(60, "G# used t%");
    check(&script, &format!("{moved}\n{used}\n G60 unused"));
}
