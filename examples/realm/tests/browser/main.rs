//! The page, in a real Chromium. Needs `chromium` and `chromedriver`:
//!
//! ```sh
//! cargo test --test browser -- --ignored
//! ```
//!
//! With `REALM_SCREENSHOTS=DIR` it saves screenshots there.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod breaks;
mod browser;
mod hostile;
mod looks;
mod playing;
mod scripted;
mod world;

use browser::Browser;

/// Logs in with the form that the page begins with.
async fn log_in(page: &Browser, name: &str, password: &str) {
    page.until("!document.getElementById('account').hidden")
        .await;
    page.type_into("#name", name).await;
    page.type_into("#password", password).await;
    page.click("#submit").await;
    page.until("document.querySelector('#characters button')")
        .await;
}

/// Says something in the chat.
async fn say(page: &Browser, text: &str) {
    page.type_into("#text", text).await;
    page.click("#say button").await;
    page.until("document.getElementById('text').value === ''")
        .await;
}
