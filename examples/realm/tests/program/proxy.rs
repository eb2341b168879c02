//! A way to a gateway that breaks when a test says so.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

pub(crate) struct Proxy {
    /// Its address as that of a gateway.
    pub(crate) url: String,
    cuts: watch::Sender<()>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    pub(crate) async fn to(gateway: &str) -> Self {
        let target = gateway.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (cuts, cut) = watch::channel(());
        let task = tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let (target, mut cut) = (target.clone(), cut.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self {
            url,
            cuts,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Breaks all connections.
    pub(crate) fn cut(&self) {
        self.cuts.send_replace(());
    }
}
