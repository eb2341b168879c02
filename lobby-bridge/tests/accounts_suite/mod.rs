//! What must hold on every database.

#![expect(
    clippy::unwrap_used,
    reason = "these are tests, which the files that use them make"
)]

mod fixture;
pub(crate) mod logins;
pub(crate) mod logs;
pub(crate) mod operator;
pub(crate) mod schema;
pub(crate) mod tokens;

pub(crate) use fixture::{Fixture, options, somewhere};

/// Makes a test of each, on what `fixture` makes.
#[macro_export]
macro_rules! on {
    ($fixture:path) => {
        $crate::on!($fixture:
            logins::passwords_and_rights_are_those_of_the_row_now,
            logins::names_and_passwords_are_compared_with_letter_case_and_spaces,
            logins::no_account_is_made_that_differs_in_letter_case_alone,
            logins::rows_with_holes_are_met,
            tokens::a_token_works_once_and_not_for_long,
            tokens::a_token_is_given_for_the_password_only,
            tokens::guessing_is_stopped,
            operator::hubs_are_those_of_the_version,
            logs::logs_are_written_in_order,
            logs::each_log_has_its_switch,
            schema::a_wrong_schema_is_named,
            operator::an_operator_manages_accounts_and_hubs,
        );
    };
    ($fixture:path: $($file:ident::$name:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $crate::accounts_suite::$file::$name(&$fixture().await).await;
        })*
    };
}
