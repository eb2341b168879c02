//! What the log promises, kept by both back ends: in memory always, and over the Redis of
//! `REALM_REDIS` (`redis://127.0.0.1:6379`, for example) with `--ignored`.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod characters;
mod commits;
mod foreign;
mod keeping;
mod reading;
mod scripts;
mod stage;

macro_rules! promises {
    ($($file:ident { $($name:ident)* })*) => {
        mod memory {
            $($(#[tokio::test]
            async fn $name() {
                crate::$file::$name(crate::stage::Stage::memory()).await;
            })*)*
        }

        mod redis {
            $($(#[tokio::test]
            #[ignore = "needs redis-server: tests/live.sh realm"]
            async fn $name() {
                crate::$file::$name(crate::stage::Stage::redis()).await;
            })*)*
        }
    };
}

promises! {
    characters {
        an_admitted_character_is_in_its_zone
        the_same_admission_is_one
        a_later_session_takes_over
        a_resumed_session_goes_on_with_its_numbers
        a_command_is_accepted_once
        numbers_count_by_ones_up_to_the_greatest
        a_character_that_is_not_there_gives_no_commands
        a_full_zone_takes_no_commands_but_lets_go
        who_is_about_to_leave_gives_no_commands
        who_is_put_out_does_its_last_commands_first
        a_second_leave_is_not_taken
        who_comes_back_while_leaving_is_as_it_left
        a_character_with_an_old_name_is_a_new_one
        a_character_of_another_account_is_another_one
        a_whisper_is_heard_by_one_once
        words_for_everybody_are_heard_once
        a_whisper_to_nobody_uses_no_number
    }
    commits {
        the_first_commit_stores_the_zone
        commits_change_objects
        an_older_owner_is_fenced
        the_same_commit_is_one
        a_commit_that_skips_a_revision_is_refused
        an_owner_can_skip_revisions_once
        a_refused_commit_does_nothing
        a_traveller_arrives_once_with_its_later_commands_in_order
        a_traveller_is_in_one_zone
        a_leaver_is_not_in_the_world
        a_lost_zone_is_unknown_to_its_owner
    }
    reading {
        inputs_are_read_in_order_and_in_parts
        a_commit_trims_the_input
        inputs_are_waited_for
        outputs_are_read_in_order_and_in_parts
        outputs_are_waited_for
        too_old_outputs_are_a_gap
        another_history_is_a_gap
        mail_is_read_after_a_place
        mail_is_waited_for
        mail_and_chat_are_bounded
    }
    keeping {
        a_zone_is_due_when_it_asked
        a_zone_is_woken_once
        the_destination_of_a_traveller_is_due_at_once
        what_was_changed_is_dirty_until_it_is_saved
        what_was_changed_meanwhile_stays_dirty
        a_character_on_its_way_is_saved_by_itself
    }
}
