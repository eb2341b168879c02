//! Tests that must pass on every database.

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

/// Makes each of these a test, on the databases that `fixture` makes.
#[macro_export]
macro_rules! on {
    ($fixture:path) => {
        $crate::on!($fixture:
            logins::passwords_and_rights_are_read_at_each_login,
            logins::names_and_passwords_are_compared_exactly,
            logins::no_account_is_made_whose_name_differs_only_in_case,
            logins::rows_with_nulls_are_handled,
            tokens::a_token_works_once_and_expires,
            tokens::a_token_is_issued_only_for_the_password,
            tokens::guessing_is_stopped,
            operator::hubs_are_found_by_version,
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
