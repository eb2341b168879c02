//! The program as people meet it: a world in one process, the prompt, a process for each role.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod breaks;
mod prompt;
mod proxy;
mod up;

use realm::{
    client::{Account, Client, News},
    content::Content,
    dev::{Settings, World},
};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

/// Waits for something that comes for certain, on a busy machine too.
async fn patiently<T>(what: &str, event: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(Duration::from_secs(180), event).await;
    in_time.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A world in this process.
async fn world(state: &Path) -> World {
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        state: state.to_owned(),
        content: Content::load(None).unwrap().folder().map(Into::into),
        no_physics: false,
    };
    World::start(&settings).await.unwrap()
}

/// A new character of this name, in the world by these gateways.
async fn player(world: &World, name: &str, gateways: &[String]) -> (Arc<Account>, Client) {
    let direct = [world.url().to_owned()];
    let name = name.parse().unwrap();
    let registered = Account::register(&direct, &name, "a long password");
    patiently("an account", registered).await.unwrap();
    let account = Account::log_in(&direct, &name, "a long password");
    let account = account.await.unwrap();
    account.create(&name).await.unwrap();
    let client = Client::enter(gateways.to_vec(), account.clone(), name);
    let client = patiently("the character", client).await.unwrap();
    (account, client)
}

/// What somebody says next, as this client hears it.
async fn heard(news: &mut tokio::sync::broadcast::Receiver<News>, by: &str) -> String {
    let next = async {
        loop {
            match news.recv().await.expect("few news") {
                News::Said { from, text, .. } if from == by => return text,
                _ => {}
            }
        }
    };
    patiently("words", next).await
}
