//! The same work done by bare quinn: as many peers against the floor, which sends them as much as
//! the daemon was measured to send.

use crate::{
    bench::{Bench, Steady, per},
    floor::Bytesent,
    options::Plan,
    peers::Stage,
    report::Cost,
    targets::Targets,
};
use bytes::Bytes;
use futures::StreamExt;
use metaserve::{Role, program, protocol::heartbeat::FromServer, stream::frame};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The number of bytes that the clients of the floor have read so far.
type ReadBytes = Arc<AtomicU64>;

/// Carries out the plan with quinn alone: nothing is listed, and clients get only what `sent`
/// describes.
///
/// # Errors
/// When something cannot be started, or peers cannot connect.
pub(crate) async fn run(plan: &Plan, sent: Bytesent) -> anyhow::Result<Cost> {
    let mut bench = Bench::new(plan, Targets::floor(sent).await?);
    let stage = bench.stage.clone();
    let mut cost = Cost::default();
    let (empty, meter) = (bench.target.resident(), bench.meter().await);
    let joining = (plan.servers, plan.ramp);
    let servers = bench.join(Role::Heartbeat, joining, "floor: servers join", {
        let stage = stage.clone();
        move |tasks, server, connection, _| {
            drop(tasks.spawn(write(stage.clone(), server, connection)));
        }
    });
    let servers = servers.await?;
    cost.micros_per_server = bench.each(&meter, plan.servers).await;
    let meter = bench.meter().await;
    let full = bench.target.resident();
    cost.bytes_per_server = per(empty, full, plan.servers);

    let reads: Vec<ReadBytes> = (0..plan.clients).map(|_| ReadBytes::default()).collect();
    let joining = (plan.clients, plan.client_ramp);
    let clients = bench.join(Role::Client, joining, "floor: clients join", {
        let (stage, reads) = (stage.clone(), reads.clone());
        move |tasks, client, connection, _| {
            drop(tasks.spawn(read(stage.clone(), reads[client].clone(), connection)));
        }
    });
    let clients = clients.await?;
    let total = || reads.iter().map(|read| read.load(Ordering::Relaxed)).sum();
    let wanted = (plan.clients * sent.first) as u64;
    bench.all("floor: bytes read", wanted, total).await?;
    cost.micros_per_client = bench.each(&meter, plan.clients).await;
    cost.bytes_per_client = per(full, bench.target.resident(), plan.clients);

    bench.target.begin().await?;
    let before = AtomicU64::new(0);
    let Steady { cores, took, .. } = bench
        .steady(|| before.store(total(), Ordering::Relaxed))
        .await?;
    cost.cores = cores;
    if plan.clients == 0 {
        cost.bytes_per_server_at_end = per(empty, bench.target.resident(), plan.servers);
    }
    // Undelivered work cannot be compared.
    let read = (total() - before.load(Ordering::Relaxed)) as f64;
    let expected = sent.each as f64 * took.div_duration_f64(sent.every) * plan.clients as f64;
    let dropped = stage.dropped.load(Ordering::Relaxed);
    if dropped > 0 || read < 0.95 * expected {
        cost.cores = None;
        program::complain(format!(
            "the floor delivered {read:.0} of {expected:.0} bytes, {dropped} peers lost: no ratio\n"
        ));
    }
    drop((servers, clients));
    bench.end().await;
    Ok(cost)
}

/// A game server that writes the same frames with quinn alone.
async fn write(stage: Arc<Stage>, server: usize, connection: quinn::Connection) {
    let write = async {
        let mut out = connection.open_uni().await?;
        let mut heartbeats = pin!(stage.heartbeats(server));
        let mut last = Bytes::new();
        while let Some(heartbeat) = heartbeats.next().await {
            if heartbeat != last {
                out.write_chunk(frame(FromServer::Heartbeat(&heartbeat)))
                    .await?;
                last = heartbeat;
            }
        }
        anyhow::Ok(())
    };
    if let Err(error) = write.await {
        stage.lost("bare server", &error);
    }
}

/// A game client that counts the bytes that it receives.
async fn read(stage: Arc<Stage>, read_bytes: ReadBytes, connection: quinn::Connection) {
    let follow = async {
        let mut out = connection.open_uni().await?;
        out.write_all(b"list").await?;
        out.finish()?;
        let mut stream = connection.accept_uni().await?;
        while let Some(chunk) = stream.read_chunk(usize::MAX, true).await? {
            read_bytes.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
        }
        anyhow::bail!("the floor has ended the stream")
    };
    let result: anyhow::Result<()> = follow.await;
    if let Err(error) = result {
        stage.lost("bare client", &error);
    }
}
