//! All that is under load: one daemon or several, or a cluster that is started here.

use crate::{
    floor::Bytesent,
    options::Plan,
    process,
    target::Target,
    which::{Local, Which},
};
use anyhow::{Context, bail};
use metaserve::Role;
use metaserve_tests::Nats;
use serde_json::{Value, json};
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The daemons that peers are spread over, and what they need.
pub(crate) struct Targets {
    /// Those that take servers, and clients where there is no edge.
    members: Vec<Target>,
    edges: Vec<Target>,
    /// A member that has joined later, and that no peers are spread over.
    joined: Option<Target>,
    nats: Option<Nats>,
}

/// What one process takes of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Used {
    pub(crate) name: String,
    /// Processor seconds per second, while it was measured.
    pub(crate) cores: Option<f64>,
    /// Resident memory, in bytes.
    pub(crate) resident: Option<u64>,
}

impl Used {
    pub(crate) fn json(&self) -> Value {
        json!({ "name": self.name, "cores": self.cores, "rss_bytes": self.resident })
    }
}

/// The processor time that each process had used at a moment.
pub(crate) struct Usage {
    cpu: Vec<Option<Duration>>,
    at: Instant,
}

impl Targets {
    /// The daemons of the plan, started if necessary.
    ///
    /// # Errors
    /// When one does not start, or its name has no address.
    pub(crate) async fn daemons(plan: &Plan) -> anyhow::Result<Self> {
        match &plan.which {
            Which::Inside => Ok(Self::one(Target::inside(plan)?)),
            Which::Spawn(binary) => {
                let daemon = Target::spawned("daemon", plan, binary.as_deref(), &[]).await?;
                Ok(Self::one(daemon))
            }
            Which::Running(daemons) => {
                let mut members = Vec::new();
                for name in &daemons.daemon {
                    members.push(Target::elsewhere(name, daemons.trust()?).await?);
                }
                Ok(Self {
                    members,
                    edges: Vec::new(),
                    joined: None,
                    nats: None,
                })
            }
            Which::Cluster(local) => Self::cluster(plan, local).await,
        }
    }

    /// The floor that sends as much.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn floor(sent: Bytesent) -> anyhow::Result<Self> {
        Ok(Self::one(Target::floor(sent).await?))
    }

    fn one(target: Target) -> Self {
        Self {
            members: vec![target],
            edges: Vec::new(),
            joined: None,
            nats: None,
        }
    }

    async fn cluster(plan: &Plan, local: &Local) -> anyhow::Result<Self> {
        let mut asked = Command::new("nats-server");
        asked.arg("--version").stdout(Stdio::null());
        if asked.status().is_err() {
            bail!("--cluster needs a NATS server on this machine: apt-get install nats-server");
        }
        let mut targets = Self {
            members: Vec::new(),
            edges: Vec::new(),
            joined: None,
            nats: Some(Nats::one().await),
        };
        for number in 1..=local.members {
            let member = targets.start(plan, &format!("n{number}"), "member").await?;
            targets.members.push(member);
        }
        for number in 1..=local.edges {
            let edge = targets.start(plan, &format!("e{number}"), "edge").await?;
            targets.edges.push(edge);
        }
        Ok(targets)
    }

    /// Starts one more member of the cluster.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn join(&mut self, plan: &Plan) -> anyhow::Result<&Target> {
        let member = self.start(plan, "joining", "member").await?;
        Ok(self.joined.insert(member))
    }

    /// The member that has joined later, if one has.
    ///
    /// # Errors
    /// When none has.
    pub(crate) fn joined(&self) -> anyhow::Result<&Target> {
        self.joined.as_ref().context("no member has joined")
    }

    /// Kills the member that has joined later.
    pub(crate) async fn lose(&mut self) {
        if let Some(member) = self.joined.take() {
            member.end().await;
        }
    }

    async fn start(&self, plan: &Plan, name: &str, role: &str) -> anyhow::Result<Target> {
        let (Which::Cluster(local), Some(nats)) = (&plan.which, &self.nats) else {
            bail!("there is no cluster");
        };
        let url = nats.urls();
        let arguments = [
            "--cluster",
            &url,
            "--cluster-name",
            "load",
            "--cluster-member",
            name,
            "--cluster-role",
            role,
        ];
        let title = format!("{role} {name}");
        Target::spawned(&title, plan, local.binary.as_deref(), &arguments).await
    }

    /// The daemons that peers of a role connect to.
    pub(crate) fn of(&self, role: Role) -> &[Target] {
        match role {
            Role::Client if !self.edges.is_empty() => &self.edges,
            _ => &self.members,
        }
    }

    /// Tells the floor to begin sending.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) async fn begin(&mut self) -> anyhow::Result<()> {
        for target in &mut self.members {
            target.begin().await?;
        }
        Ok(())
    }

    fn daemons_here(&self) -> impl Iterator<Item = &Target> {
        self.members.iter().chain(&self.edges).chain(&self.joined)
    }

    /// The processes of their own on this machine: daemons, then NATS.
    fn processes(&self) -> Vec<(String, u32)> {
        let daemons = self.daemons_here();
        let daemons = daemons.filter_map(|it| Some((it.title.clone(), it.process()?)));
        let nats = self
            .nats
            .iter()
            .map(|it| ("NATS".to_owned(), it.process(0)));
        daemons.chain(nats).collect()
    }

    /// The processor time of all processes from now on.
    pub(crate) fn usage(&self, at: Instant) -> Usage {
        let processes = self.processes().into_iter();
        let cpu = processes.map(|(_, id)| process::cpu(id)).collect();
        Usage { cpu, at }
    }

    /// What each process has used since.
    pub(crate) fn used(&self, since: &Usage, now: Instant) -> Vec<Used> {
        let seconds = (now - since.at).as_secs_f64();
        let processes = self.processes().into_iter().zip(&since.cpu);
        let used = processes.map(|((name, id), before)| {
            let took = process::cpu(id)
                .zip(*before)
                .map(|(now, before)| now - before);
            Used {
                name,
                cores: took.map(|took| took.as_secs_f64() / seconds),
                resident: process::resident(id),
            }
        });
        used.collect()
    }

    /// The processor time that the daemons have used; `None` where one has no process of its own.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        self.daemons_here().map(Target::cpu).sum()
    }

    /// The resident memory of the daemons, in bytes.
    pub(crate) fn resident(&self) -> Option<u64> {
        self.daemons_here().map(Target::resident).sum()
    }

    /// Ends what was started here.
    pub(crate) async fn end(self) {
        let daemons = self.members.into_iter().chain(self.edges);
        for target in daemons.chain(self.joined) {
            target.end().await;
        }
    }
}
