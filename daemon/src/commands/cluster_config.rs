//! `cluster-config`: makes keys, and the configuration of NATS servers that knows them.

use crate::settings::{ClusterName, MemberName};
use anyhow::{Context, bail};
use clap::Args;
use metaserve::program::print::print;
use nkeys::KeyPair;
use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

/// Make the keys of a cluster, and the configuration of NATS
///
/// Each member and edge gets a key of its own, and may use only the subjects that it needs: a member
/// states servers under its own name only. The directory gets NAME.nk for each, which only the owner
/// can read, and nats.conf, which is the same for all NATS servers. Existing keys are used, and never
/// overwritten: run the command again with all names to add a member.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ClusterConfig {
    /// The members: the daemons that take game servers
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    members: Vec<MemberName>,

    /// The edges: the daemons that take game clients only
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    edges: Vec<MemberName>,

    /// The name of the list, as in --cluster-name of the daemons
    #[arg(long, value_name = "NAME", default_value = "metaserve")]
    cluster_name: ClusterName,

    /// The hosts of the NATS servers, which use TLS and know each other then. Of three, each may be
    /// lost [default: one without TLS, or several that are told of each other when they are started]
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    nats: Vec<String>,

    /// The directory of cert.pem and key.pem at each NATS server. The certificate is self-signed
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/etc/nats",
        requires = "nats"
    )]
    tls: PathBuf,

    /// The file at each NATS server with the authority of cert.pem, if it is not self-signed
    #[arg(long, value_name = "FILE", requires = "nats")]
    ca: Option<PathBuf>,

    /// Write the files into this directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

const AFTER_HELP: &str = "\
Example, for three NATS servers:
  metaserve-daemon cluster-config --members a,b,c --edges x --nats n1,n2,n3 --out nats
  nats-server --name n1 --config nats.conf             # n2 and n3 on the other hosts
  metaserve-daemon --cluster tls://n1:4222,tls://n2:4222,tls://n3:4222 --cluster-member a \\
      --cluster-key a.nk --cluster-ca ca.pem";

/// The beginning of a file that may be replaced.
const MARK: &str = "# Made by `metaserve-daemon cluster-config`";

impl ClusterConfig {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut names = BTreeSet::new();
        let mut all = self.members.iter().chain(&self.edges);
        if let Some(twice) = all.find(|name| !names.insert(name.as_str())) {
            bail!("{twice} is named twice: each member and edge has a name of its own");
        }
        for host in &self.nats {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            if host.is_empty() || !host.chars().all(allowed) {
                bail!("{host:?} is neither the name nor the IPv4 address of a host");
            }
        }
        make_directory(&self.out)?;
        let config = self.out.join("nats.conf");
        if fs::read_to_string(&config).is_ok_and(|text| !text.starts_with(MARK)) {
            bail!(
                "{} was not made by this command: move it away, or choose another --out",
                config.display()
            );
        }
        let (mut users, mut made) = (String::new(), String::new());
        for (names, is_edge) in [(&self.members, false), (&self.edges, true)] {
            for name in names {
                let file = self.out.join(format!("{name}.nk"));
                users.push_str(&self.user(name, &key(&file)?, is_edge));
                let role = if is_edge { "edge" } else { "member" };
                made.push_str(&format!(
                    "the key of the {role} {name}: {}\n",
                    file.display()
                ));
            }
        }
        let shown = config.display().to_string();
        fs::write(&config, self.text(&users)).with_context(|| format!("cannot write {shown}"))?;
        print(format!("the configuration of NATS: {shown}\n{made}"))?;
        Ok(())
    }

    fn text(&self, users: &str) -> String {
        let name = &self.cluster_name;
        let file = |path: &Path| format!("{:?}", path.display().to_string());
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| self.tls.join(name));
        let authority = self.ca.as_ref().unwrap_or(&cert);
        let tls = format!(
            "tls {{ cert_file: {}, key_file: {}, ca_file: {} }}\n",
            file(&cert),
            file(&key),
            file(authority)
        );
        let routes = self
            .nats
            .iter()
            .map(|host| format!("\"nats://{host}:6222\""));
        let routes: Vec<_> = routes.collect();
        let more = match &*routes {
            [] => "# Without TLS: for a trial, or a network that is protected otherwise. With --nats it has TLS.\n"
                .to_owned(),
            [_] => tls,
            several => format!(
                "{tls}\n# The other servers. Whoever reaches this port can change the list: let only the NATS\n\
                 # servers through.\n\
                 cluster {{\n  name: \"{name}\"\n  listen: \"0.0.0.0:6222\"\n  routes: [{}]\n  {tls}}}\n",
                several.join(", ")
            ),
        };
        format!(
            "{MARK}, which replaces it: change it there.\n\
             # It is the same for all NATS servers of the list {name}, but for their names.\n\
             #server_name: \"n1\"\n\
             listen: \"0.0.0.0:4222\"\nmax_payload: 1MB\nwrite_deadline: \"5s\"\n{more}\n\
             authorization {{\n  users = [\n{users}  ]\n}}\n"
        )
    }

    /// A user who may do what a member or an edge does, and nothing else.
    fn user(&self, name: &MemberName, key: &KeyPair, is_edge: bool) -> String {
        let prefix = format!("ms.{}", self.cluster_name);
        let subjects = |parts: &[&str]| {
            let subjects = parts.iter().map(|part| format!("\"{prefix}.{part}\""));
            subjects.collect::<Vec<_>>().join(", ")
        };
        let [own, inbox, sync] = [
            format!("{}.{name}", if is_edge { "e" } else { "m" }),
            format!("inbox.{name}.>"),
            format!("sync.{name}"),
        ];
        let (publish, subscribe) = match is_edge {
            true => (
                subjects(&["hello", "sync.*", &own]),
                subjects(&["m.*", "e.*", &inbox]),
            ),
            false => (
                subjects(&["hello", "sync.*", "inbox.>", &own]),
                subjects(&["m.*", "e.*", "hello", &sync, &inbox]),
            ),
        };
        let role = if is_edge { "edge" } else { "member" };
        let public = key.public_key();
        format!(
            "    # the {role} {name}\n    {{\n      nkey: {public}\n      permissions: {{\n        \
             publish: [{publish}]\n        subscribe: [{subscribe}]\n      }}\n    }}\n"
        )
    }
}

/// The key in this file, which is made if it is missing.
fn key(file: &Path) -> anyhow::Result<KeyPair> {
    let shown = file.display();
    match fs::read_to_string(file) {
        Ok(seed) => {
            let pair = KeyPair::from_seed(seed.trim()).ok();
            let pair = pair.filter(|pair| pair.public_key().starts_with('U'));
            return pair.with_context(|| {
                format!("{shown} exists, but holds no key: move it away, or choose another --out")
            });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
    }
    let pair = KeyPair::new_user();
    let seed = pair.seed().context("cannot make a key")?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(file)
        .and_then(|mut file| file.write_all(format!("{seed}\n").as_bytes()));
    written
        .with_context(|| format!("cannot write {shown}: choose another directory with --out"))?;
    Ok(pair)
}

fn make_directory(directory: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).with_context(|| {
        let shown = directory.display();
        format!("cannot make the directory {shown}: choose another one with --out")
    })
}
