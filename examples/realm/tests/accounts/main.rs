//! What the accounts role promises: on SQLite always, and on PostgreSQL and MariaDB if they are
//! there (`tests/live.sh realm`).
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod characters;
mod document;
mod keeper;
mod log_in;
mod mistakes;
mod outage;
mod register;
mod roles;
mod world;

use world::World;

/// Runs the same scenarios on each database. Where there is one database for all, one after another,
/// each with new tables.
macro_rules! on_every_database {
    ($($module:ident :: $scenario:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $scenario() {
                    let world = crate::World::start().await;
                    crate::$module::$scenario(&world).await;
                    world.end().await;
                }
            )*
        }

        /// All scenarios on the database that this variable names.
        async fn on_database_of(variable: &str) {
            let _alone = world::ALONE.lock().await;
            $(
                println!("{}", stringify!($scenario));
                let world = World::on_database_of(variable).await;
                $module::$scenario(&world).await;
                world.end().await;
            )*
        }
    };
}

on_every_database!(
    roles::several_find_an_empty_database,
    register::an_account_is_made_once,
    register::who_asks_again_hears_that_it_was_made,
    register::a_taken_name_or_email_is_answered,
    register::names_passwords_and_emails_have_bounds,
    log_in::a_ticket_is_valid_at_every_server,
    log_in::a_wrong_password_and_an_unknown_user_get_the_same_answer,
    log_in::a_refresh_token_is_used_once,
    log_in::a_log_out_ends_the_session,
    log_in::the_oldest_of_many_log_ins_ends,
    log_in::an_operator_replaces_a_password,
    log_in::an_administrator_is_made_by_command_only,
    characters::characters_are_their_owners_only,
    characters::a_name_is_taken_in_the_whole_world,
    characters::an_account_has_eight_characters,
    characters::requests_at_once_make_no_ninth_character,
    characters::a_character_is_where_the_log_says,
    characters::a_character_in_the_world_is_not_deleted,
    characters::a_deleted_character_does_not_come_back,
    keeper::a_zone_and_its_characters_are_saved_and_loaded,
    keeper::a_late_keeper_overwrites_nothing,
    keeper::the_last_changes_are_saved_at_the_end,
    keeper::a_zone_is_shown_to_roles_only,
);

#[tokio::test]
#[ignore = "needs postgresql: tests/live.sh realm"]
async fn everything_holds_on_postgresql() {
    on_database_of("REALM_POSTGRES").await;
}

#[tokio::test]
#[ignore = "needs mariadb-server: tests/live.sh realm"]
async fn everything_holds_on_mariadb() {
    on_database_of("REALM_MARIADB").await;
}
