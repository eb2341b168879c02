//! Zones and characters as the keeper saves them. What is older than what is stored changes nothing,
//! so that a keeper that comes late cannot overwrite anything.

use super::{
    DatabaseError,
    characters::{json, number},
    database::{Database, get},
};
use crate::{
    ids::{Name, ZoneId},
    log::{Absent, Rev, Stored},
    object::{Player, Point, Sheet},
};
use sea_orm::{
    ConnectionTrait as _, ExprTrait as _,
    sea_query::{Expr, Query, UpdateStatement},
};

/// What became of a zone that was to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saved {
    /// It is stored at this revision, now or before.
    Now,
    /// What is stored has this revision, which is newer: nothing was changed.
    Newer(Rev),
}

impl Database {
    /// Saves a zone together with all characters in it: either all of it or nothing. Players are no
    /// part of the zone's own row: they come back with their characters.
    pub(super) async fn save_zone(
        &self,
        zone: &ZoneId,
        stored: &Stored,
    ) -> Result<Saved, DatabaseError> {
        let (players, objects): (Vec<_>, Vec<_>) = stored
            .objects
            .iter()
            .cloned()
            .partition(|it| it.player.is_some());
        let body = json(&Stored {
            objects,
            world: stored.world.clone(),
            ..*stored
        })?;
        let characters = players.iter().filter_map(|object| {
            let player: &Player = object.player.as_deref()?;
            Some(save(&player.name, zone, Some(object.at), &player.sheet))
        });
        let characters = characters.collect::<Result<Vec<_>, _>>()?;
        let (zone, rev) = (zone.to_string(), number(stored.rev));
        let update = Query::update()
            .table("zone_snapshot")
            .value("rev", rev)
            .value("body", body.as_str())
            .and_where(Expr::column("zone").eq(zone.as_str()))
            .and_where(Expr::column("rev").lt(rev))
            .to_owned();
        let is_known = Query::select()
            .column("rev")
            .from("zone_snapshot")
            .and_where(Expr::column("zone").eq(zone.as_str()))
            .to_owned();
        let insert = Query::insert()
            .into_table("zone_snapshot")
            .columns(["zone", "rev", "body"])
            .values_panic([zone.into(), rev.into(), body.into()])
            .to_owned();
        self.in_time(async {
            let transaction = self.begin().await?;
            // It begins with a write, for which SQLite can wait.
            if transaction.execute(&update).await?.rows_affected() == 0 {
                if let Some(row) = transaction.query_one(&is_known).await? {
                    let known: i64 = row.try_get("", "rev")?;
                    transaction.rollback().await?;
                    return Ok(match known > rev {
                        true => Saved::Newer(known.unsigned_abs()),
                        false => Saved::Now,
                    });
                }
                transaction.execute(&insert).await?;
            }
            for character in &characters {
                transaction.execute(character).await?;
            }
            transaction.commit().await?;
            Ok(Saved::Now)
        })
        .await
    }

    /// Saves a character that is in no zone.
    pub(super) async fn save_absent(&self, absent: &Absent) -> Result<(), DatabaseError> {
        let update = save(&absent.character, &absent.zone, absent.at, &absent.sheet)?;
        self.execute(&update).await.map(drop)
    }

    /// A zone as it was saved last.
    pub(super) async fn zone(&self, zone: &ZoneId) -> Result<Option<Stored>, DatabaseError> {
        let select = Query::select()
            .column("body")
            .from("zone_snapshot")
            .and_where(Expr::column("zone").eq(zone.to_string()))
            .to_owned();
        let Some(row) = self.one(&select).await? else {
            return Ok(None);
        };
        let body: String = get(&row, "body")?;
        let stored = serde_json::from_str(&body).map_err(|error| DatabaseError::Row {
            table: "zone_snapshot",
            why: format!("{zone}: {error}"),
        })?;
        Ok(Some(stored))
    }
}

/// Writes a character unless a newer sheet is stored. The same one is written: a character walks
/// without a change of its sheet, and where it is within a zone the zone's revision decides.
fn save(
    name: &Name,
    zone: &ZoneId,
    at: Option<Point>,
    sheet: &Sheet,
) -> Result<UpdateStatement, DatabaseError> {
    let rev = number(sheet.rev);
    let place = at.map(|at| json(&at)).transpose()?;
    Ok(Query::update()
        .table("character")
        .value("zone", zone.to_string())
        .value("place", place)
        .value("sheet", json(sheet)?)
        .value("rev", rev)
        .and_where(Expr::column("folded").eq(name.folded().as_str()))
        .and_where(Expr::column("rev").lte(rev))
        .to_owned())
}
