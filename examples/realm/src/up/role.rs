//! One role in a process of its own: started again when it dies, and stopped when asked.

use anyhow::anyhow;
use metaserve::{Backoff, Retry, printable, program::announce, time::now};
use std::{
    ffi::OsString,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, ChildStdin, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How long a role may take to stop.
const STOP: Duration = Duration::from_secs(20);

/// A role that has run for so long is started again soon, as if it had never died.
const RAN: Duration = Duration::from_secs(30);

/// What is known only when the process is started.
type Late = Box<dyn Fn() -> Vec<OsString> + Send + Sync>;

/// How a process is started.
pub(super) struct Role {
    name: String,
    arguments: Vec<OsString>,
    late: Late,
    environment: Vec<(&'static str, String)>,
}

/// A process that is watched.
pub(super) struct Supervised {
    name: String,
    /// Whether it has said that it has started.
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Role {
    pub(super) fn new<const N: usize>(name: &str, arguments: [&str; N]) -> Self {
        Self {
            name: name.to_owned(),
            arguments: arguments.map(OsString::from).to_vec(),
            late: Box::new(Vec::new),
            environment: Vec::new(),
        }
    }

    pub(super) fn with(mut self, more: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(more.into_iter().map(Into::into));
        self
    }

    /// With arguments that are known only when the process is started.
    pub(super) fn and_then(self, late: impl Fn() -> Vec<OsString> + Send + Sync + 'static) -> Self {
        Self {
            late: Box::new(late),
            ..self
        }
    }

    pub(super) fn environment(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Its arguments and its environment.
    #[cfg(test)]
    pub(super) fn started_with(&self) -> (&[OsString], &[(&'static str, String)]) {
        (&self.arguments, &self.environment)
    }

    /// Starts the process, and again whenever it dies. It has failed if it ends before it has
    /// started for the first time.
    pub(super) fn start(self, program: PathBuf, failed: mpsc::Sender<anyhow::Error>) -> Supervised {
        let (said, ready) = watch::channel(false);
        let stop = CancellationToken::new();
        let name = self.name.clone();
        let until = stop.clone();
        let task = tokio::spawn(async move {
            if let Err(error) = self.supervise(&program, said, &until).await {
                // One reason is enough.
                let _ = failed.try_send(error);
            }
        });
        Supervised {
            name,
            ready,
            stop,
            task,
        }
    }

    async fn supervise(
        &self,
        program: &PathBuf,
        said: watch::Sender<bool>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let name = &self.name;
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
        loop {
            let began = now();
            let ended = self.once(program, &said, stop).await;
            if stop.is_cancelled() {
                return Ok(());
            }
            let status = match ended {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            };
            if !*said.borrow() {
                return Err(anyhow!("{name} has not started: {status}"));
            }
            if now().duration_since(began) > RAN {
                backoff.reset();
            }
            say(name, &format!("has ended ({status}) and is started again"));
            let delay = tokio::time::sleep(backoff.delay(Retry::Soon, fastrand::f64()));
            if stop.run_until_cancelled(delay).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Starts the process, and waits until it has ended.
    async fn once(
        &self,
        program: &PathBuf,
        said: &watch::Sender<bool>,
        stop: &CancellationToken,
    ) -> std::io::Result<ExitStatus> {
        let mut child = self.spawn(program)?;
        // Taken, because waiting for the process would close it.
        let pipe = child.stdin.take();
        let lines = [
            relay(&self.name, child.stdout.take(), Some(said.clone())),
            relay(&self.name, child.stderr.take(), None),
        ];
        let ended = end(&mut child, pipe, stop).await;
        for task in lines.into_iter().flatten() {
            let _ = task.await;
        }
        ended
    }

    fn spawn(&self, program: &PathBuf) -> std::io::Result<Child> {
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .args((self.late)())
            .arg("--with-parent")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C is for this process, which stops the others in order.
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        if let Some(id) = child.id() {
            say(&self.name, &format!("is process {id}"));
        }
        Ok(child)
    }
}

/// Waits until the process ends. Asks it to, by closing the pipe, when it is time to stop.
async fn end(
    child: &mut Child,
    pipe: Option<ChildStdin>,
    stop: &CancellationToken,
) -> std::io::Result<ExitStatus> {
    tokio::select! {
        status = child.wait() => return status,
        () = stop.cancelled() => {}
    }
    drop(pipe);
    match timeout(STOP, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.start_kill()?;
            child.wait().await
        }
    }
}

/// Prints what a process prints, with its name. The first line says that it has started.
fn relay(
    name: &str,
    from: Option<impl AsyncRead + Send + Unpin + 'static>,
    said: Option<watch::Sender<bool>>,
) -> Option<JoinHandle<()>> {
    let name = name.to_owned();
    let mut lines = BufReader::new(from?).split(b'\n');
    Some(tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_segment().await {
            say(&name, String::from_utf8_lossy(&line).trim_end());
            if let Some(said) = &said {
                said.send_replace(true);
            }
        }
    }))
}

fn say(name: &str, line: &str) {
    announce(format!("{name:11} | {}\n", printable(line)));
}

impl Supervised {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until it has started. `false` if it will not.
    pub(super) async fn ready(&mut self) -> bool {
        self.ready.wait_for(|ready| *ready).await.is_ok()
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // A panic in it was reported already, and the process is gone with it.
        let _ = self.task.await;
    }
}
