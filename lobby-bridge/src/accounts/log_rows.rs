//! The statements that write logs (`docs/specifications/myth-metaserver.md`, sections 23.4 and
//! 23.5).

use std::time::Duration;

use sea_orm::sea_query::{Query, SimpleExpr};

use super::{
    ChatKind, ChatRow, DatabaseError, EventRow, LoginDetailRow, database::Database, dates,
    store::no_bytes,
};

/// The size of `varchar(255)` and `varbinary(255)`.
const MAX_SHORT: usize = 255;
/// The size of `blob`.
const MAX_BLOB: usize = 65_535;

impl Database {
    pub(super) async fn log_chat(&self, row: &ChatRow, ago: Duration) -> Result<(), DatabaseError> {
        let event_type = match row.kind {
            ChatKind::Chat => "chat",
            ChatKind::Broadcast => "broadcast",
            ChatKind::PrivateMessage => "pm",
        };
        let color = |channel: usize| row.color.map(|color| i32::from(color[channel]));
        let target = row.target.as_ref();
        self.log_row(
            "chatlog",
            vec![
                ("event_date", self.time(ago)),
                ("event_type", event_type.into()),
                ("user_id", i64::from(row.user_id).into()),
                ("username", name(row.username.as_deref())),
                ("chatname", short(&row.chatname)),
                ("color_r", color(0).into()),
                ("color_g", color(1).into()),
                ("color_b", color(2).into()),
                (
                    "target_user_id",
                    target.map(|it| i64::from(it.user_id)).into(),
                ),
                (
                    "target_username",
                    name(target.and_then(|it| it.username.as_deref())),
                ),
                (
                    "target_chatname",
                    target.map_or_else(no_bytes, |it| short(&it.chatname)),
                ),
                ("message", blob(&row.message)),
            ],
        )
        .await
    }

    pub(super) async fn log_event(
        &self,
        row: &EventRow,
        ago: Duration,
    ) -> Result<(), DatabaseError> {
        self.log_row(
            "eventlog",
            vec![
                ("event_date", self.time(ago)),
                ("event_type", row.event_type.into()),
                ("username", name(row.username.as_deref())),
                ("user_id", i64::from(row.user_id).into()),
                (
                    "extradata",
                    row.extradata.as_deref().map_or_else(no_bytes, blob),
                ),
            ],
        )
        .await
    }

    pub(super) async fn log_login_detail(
        &self,
        row: &LoginDetailRow,
        ago: Duration,
    ) -> Result<(), DatabaseError> {
        let [red, green, blue] = row.color.map(|it| i32::from(it).into());
        let [team_red, team_green, team_blue] = row.team_color.map(|it| i32::from(it).into());
        self.log_row(
            "logindetail",
            vec![
                ("event_date", self.time(ago)),
                ("username", name(row.username.as_deref())),
                ("user_id", i64::from(row.user_id).into()),
                ("chatname", short(&row.chatname)),
                ("color_r", red),
                ("color_g", green),
                ("color_b", blue),
                ("team_color_r", team_red),
                ("team_color_g", team_green),
                ("team_color_b", team_blue),
                ("build_date", dates::build_date(&row.build_date).into()),
                ("platform_type", i32::from(row.platform_type).into()),
            ],
        )
        .await
    }

    async fn log_row(
        &self,
        table: &'static str,
        row: Vec<(&'static str, SimpleExpr)>,
    ) -> Result<(), DatabaseError> {
        let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
        let insert = Query::insert()
            .into_table(table)
            .columns(columns)
            .values_panic(values)
            .to_owned();
        self.execute(&insert).await.map(drop)
    }
}

fn name(name: Option<&str>) -> SimpleExpr {
    name.map(|it| it.chars().take(MAX_SHORT).collect::<String>())
        .into()
}

fn short(bytes: &[u8]) -> SimpleExpr {
    bytes[..bytes.len().min(MAX_SHORT)].to_vec().into()
}

fn blob(bytes: &[u8]) -> SimpleExpr {
    bytes[..bytes.len().min(MAX_BLOB)].to_vec().into()
}
