//! The tables: made in a new database, brought to the newest version in an older one.

use super::{
    SchemaError,
    database::{Database, get},
};
use sea_orm::{
    DbBackend, ExprTrait as _,
    sea_query::{ColumnDef, Expr, Query, SelectStatement, Table, TableCreateStatement},
};
use std::collections::HashSet;

/// Says which program has made the tables, and their version.
const SCHEMA: &str = "schema";

/// What this program calls itself there.
const PROGRAM: &str = "realm";

/// One step from each version to the next, from 0, which has no tables. A step that has been
/// released is never changed. Each may be done again if it was interrupted: MariaDB cannot take the
/// making of a table back.
const STEPS: [fn(DbBackend) -> Vec<TableCreateStatement>; 1] = [first];

/// The first version.
fn first(backend: DbBackend) -> Vec<TableCreateStatement> {
    // Ids are random, so that no database has to number rows.
    let id = || {
        ColumnDef::new("id")
            .big_integer()
            .not_null()
            .primary_key()
            .to_owned()
    };
    let text = |name, length| {
        ColumnDef::new(name)
            .string_len(length)
            .not_null()
            .to_owned()
    };
    let number = |name| ColumnDef::new(name).big_integer().not_null().to_owned();
    let json = |name| {
        let kind = match backend {
            // Its `text` ends at 64 KiB.
            DbBackend::MySql => "longtext",
            _ => "text",
        };
        ColumnDef::new(name).custom(kind).to_owned()
    };
    let table = |name| table(backend, name);
    vec![
        table("account")
            .col(id())
            .col(text("name", 16))
            .col(text("folded", 16).unique_key())
            // Folded; empty addresses are no addresses.
            .col(ColumnDef::new("email").string_len(254).unique_key())
            // In PHC form.
            .col(text("password", 255))
            .col(ColumnDef::new("admin").boolean().not_null())
            // In seconds since 1970, as all times here.
            .col(number("created"))
            .to_owned(),
        // A log-in: a row for each device.
        table("refresh")
            .col(text("family", 32).primary_key())
            .col(text("hash", 64))
            .col(number("account"))
            .col(number("expires"))
            .to_owned(),
        table("character")
            .col(id())
            .col(number("account"))
            .col(text("name", 16))
            .col(text("folded", 16).unique_key())
            .col(text("zone", 128))
            .col(json("place"))
            .col(json("sheet").not_null())
            // Of the sheet.
            .col(number("rev"))
            .to_owned(),
        table("zone_snapshot")
            .col(text("zone", 128).primary_key())
            .col(number("rev"))
            .col(json("body").not_null())
            .to_owned(),
    ]
}

fn table(backend: DbBackend, name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name).if_not_exists();
    if backend == DbBackend::MySql {
        // Bytes are compared, as in the other two.
        table
            .engine("InnoDB")
            .character_set("utf8mb4")
            .collate("utf8mb4_bin");
    }
    table
}

/// How often it is looked again at what another process has made meanwhile.
const AGAIN: usize = 3;

/// Makes the tables of an empty database, or brings them to the newest version. Other processes may
/// do so at the same time: `IF NOT EXISTS` of PostgreSQL fails if the table is just being made.
pub(super) async fn prepare(database: &Database) -> Result<(), SchemaError> {
    let mut looked = 0;
    loop {
        match bring_up(database).await {
            Err(SchemaError::Database(error)) if looked < AGAIN && error.is_made_already() => {
                looked += 1;
            }
            done => return done,
        }
    }
}

async fn bring_up(database: &Database) -> Result<(), SchemaError> {
    let backend = database.backend();
    let version = match version(database).await? {
        Some(version) => version,
        None => {
            begin(database).await?;
            0
        }
    };
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if version > known {
        let found = version;
        return Err(SchemaError::Newer { found, known });
    }
    for (done, step) in (0..).zip(STEPS).skip_while(|(done, _)| *done < version) {
        for statement in step(backend) {
            database.execute(&statement).await?;
        }
        let update = Query::update()
            .table(SCHEMA)
            .value("version", done + 1)
            .and_where(Expr::column("program").eq(PROGRAM))
            .and_where(Expr::column("version").eq(done))
            .to_owned();
        database.execute(&update).await?;
        tracing::info!(
            database = database.name,
            version = done + 1,
            "made the tables of the database"
        );
    }
    Ok(())
}

/// The version of the tables; `None` if there are none.
async fn version(database: &Database) -> Result<Option<i64>, SchemaError> {
    let found = tables(database).await?;
    if !found.contains(SCHEMA) {
        let ours = STEPS.iter().flat_map(|step| step(database.backend()));
        let foreign = ours.map(|it| name(&it)).find(|it| found.contains(it));
        return match foreign {
            Some(table) => Err(SchemaError::Foreign { table }),
            None => Ok(None),
        };
    }
    let foreign = || SchemaError::Foreign {
        table: SCHEMA.to_owned(),
    };
    // With the name of the table, since SQLite takes the quoted name of an absent column for a text.
    let select = Query::select()
        .columns([(SCHEMA, "program"), (SCHEMA, "version")])
        .from(SCHEMA)
        .to_owned();
    // A table of other columns is one of another program.
    let rows = match database.all(&select).await {
        Err(error) if error.is_statement() => return Err(foreign()),
        rows => rows?,
    };
    let mut version = None;
    for row in rows {
        if get::<String>(&row, "program").map_err(|_| foreign())? != PROGRAM {
            return Err(foreign());
        }
        version = Some(get(&row, "version").map_err(|_| foreign())?);
    }
    Ok(version)
}

/// Makes the table of versions, at version 0. Another process may do so at the same time.
async fn begin(database: &Database) -> Result<(), SchemaError> {
    let make = table(database.backend(), SCHEMA)
        .col(
            ColumnDef::new("program")
                .string_len(16)
                .not_null()
                .primary_key(),
        )
        .col(ColumnDef::new("version").big_integer().not_null())
        .to_owned();
    database.execute(&make).await?;
    let insert = Query::insert()
        .into_table(SCHEMA)
        .columns(["program", "version"])
        .values_panic([PROGRAM.into(), 0_i64.into()])
        .to_owned();
    match database.execute(&insert).await {
        Err(error) if !error.is_duplicate() => Err(error.into()),
        _ => Ok(()),
    }
}

fn name(table: &TableCreateStatement) -> String {
    let name = table.get_table_name().map(|it| it.to_owned());
    match name {
        Some(sea_orm::sea_query::TableRef::Table(name, _)) => name.1.to_string(),
        _ => String::new(),
    }
}

/// The names of all tables of the database.
async fn tables(database: &Database) -> Result<HashSet<String>, SchemaError> {
    let schema = |schema| -> SelectStatement {
        Query::select()
            .expr_as(Expr::column("table_name"), "name")
            .from(("information_schema", "tables"))
            .and_where(Expr::cust(schema))
            .to_owned()
    };
    let select = match database.backend() {
        DbBackend::Sqlite => Query::select()
            .column("name")
            .from("sqlite_master")
            .to_owned(),
        DbBackend::Postgres => schema("table_schema = current_schema()"),
        _ => schema("table_schema = DATABASE()"),
    };
    let rows = database.all(&select).await?;
    let names = rows.iter().map(|row| Ok(get(row, "name")?));
    names.collect()
}
