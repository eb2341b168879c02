//! Chromium, driven through its WebDriver.

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction},
};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// Keys in WebDriver's notation.
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const RIGHT: char = '\u{e014}';
const TAB: char = '\u{e004}';

/// Waits for something that comes for certain, on a busy machine too.
pub(crate) async fn patiently<T>(what: &str, event: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(Duration::from_secs(120), event).await;
    in_time.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) phone: bool,
    pub(crate) dark: bool,
}

/// All ways to look at a page.
pub(crate) const LOOKS: [Look; 4] = [
    Look {
        phone: false,
        dark: false,
    },
    Look {
        phone: false,
        dark: true,
    },
    Look {
        phone: true,
        dark: false,
    },
    Look {
        phone: true,
        dark: true,
    },
];

/// One window with the page.
pub(crate) struct Browser {
    client: Client,
    driver: Driver,
    look: Look,
    _profile: TempDir,
}

/// The process of the driver. Dropping it ends the browser, even if the test has failed.
struct Driver {
    _process: Child,
    address: SocketAddr,
}

impl Driver {
    /// A driver on its own port. It asks the system for a port of one address family, and ends
    /// when the same port of the other family is taken; then it is started again.
    async fn start() -> Self {
        for _ in 0..10 {
            if let Some(driver) = patiently("chromedriver", Self::at_some_port()).await {
                return driver;
            }
        }
        panic!("chromedriver ended ten times before it listened");
    }

    /// `None` if it has ended before it listened.
    async fn at_some_port() -> Option<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver is installed (Debian: chromium-driver)");
        let mut lines = BufReader::new(process.stdout.take()?).lines();
        let port: u16 = loop {
            let line = lines.next_line().await.ok()??;
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').parse().expect("a port");
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self {
            _process: process,
            address: ([127, 0, 0, 1], port).into(),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The driver ends its browsers when it is asked to, but not when it is killed.
        let shut_down = || {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(b"GET /shutdown HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
            stream.read(&mut [0; 512])
        };
        // If that fails, it is killed anyway.
        let _ = shut_down();
    }
}

impl Browser {
    /// Opens a gateway's page.
    pub(crate) async fn open(gateway: SocketAddr, look: Look) -> Self {
        let driver = Driver::start().await;
        let profile = tempfile::tempdir().unwrap();
        let user_data = format!("--user-data-dir={}", profile.path().display());
        // 0 is dark, 1 is light.
        let scheme = format!(
            "--blink-settings=preferredColorScheme={}",
            u8::from(!look.dark)
        );
        let mut options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                "--window-size=1280,939", user_data, scheme,
            ],
        });
        if look.phone {
            options["mobileEmulation"] = json!({
                "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true },
            });
        }
        let capabilities = json!({ "goog:chromeOptions": options });
        let connect = async {
            ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
                .capabilities(capabilities.as_object().unwrap().clone())
                .connect(&format!("http://{}", driver.address))
                .await
        };
        let client = patiently("Chromium", connect)
            .await
            .expect("Chromium starts");
        client.goto(&format!("http://{gateway}/")).await.unwrap();
        Self {
            client,
            driver,
            look,
            _profile: profile,
        }
    }

    /// Runs a script on the page, and returns its result.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client
            .execute(script, Vec::new())
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The value of an expression.
    pub(crate) async fn get(&self, expression: &str) -> Value {
        self.run(&format!("return {expression}")).await
    }

    /// Waits until an expression is true on the page.
    pub(crate) async fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        let search = async {
            while self.run(&script).await != true {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(120), search)
            .await
            .is_err()
        {
            let shown = self.get("document.body.innerText").await;
            panic!("waited in vain for {expression}; the page says {shown}");
        }
    }

    /// Waits until an element's text has these words.
    pub(crate) async fn until_says(&self, id: &str, words: &str) {
        let said = format!("document.getElementById({id:?}).textContent.includes({words:?})");
        self.until(&said).await;
    }

    /// Clicks on an element, once there is one.
    pub(crate) async fn click(&self, selector: &str) {
        self.until(&format!("document.querySelector({selector:?})"))
            .await;
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.clear().await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    /// Clicks on a place of the page.
    pub(crate) async fn click_at(&self, x: f64, y: f64) {
        let mouse = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveTo {
                duration: None,
                x,
                y,
            })
            .then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            })
            .then(PointerAction::Up {
                button: MOUSE_BUTTON_LEFT,
            });
        self.client.perform_actions(mouse).await.unwrap();
    }

    pub(crate) async fn hold(&self, key: char) {
        let keys = KeyActions::new("keyboard".to_owned()).then(KeyAction::Down { value: key });
        self.client.perform_actions(keys).await.unwrap();
    }

    pub(crate) async fn release(&self, key: char) {
        let keys = KeyActions::new("keyboard".to_owned()).then(KeyAction::Up { value: key });
        self.client.perform_actions(keys).await.unwrap();
    }

    pub(crate) async fn press(&self, key: char) {
        self.hold(key).await;
        self.release(key).await;
    }

    /// Presses the tab key until the wanted element has the focus.
    pub(crate) async fn press_tab_until(&self, expression: &str) {
        for _ in 0..40 {
            if self.get(&format!("Boolean({expression})")).await == true {
                return;
            }
            self.press(TAB).await;
        }
        panic!("the tab key does not lead to {expression}");
    }

    pub(crate) async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// Saves a screenshot, if screenshots are requested.
    pub(crate) async fn screenshot(&self, name: &str) {
        let Some(directory) = std::env::var_os("REALM_SCREENSHOTS") else {
            return;
        };
        let Look { phone, dark } = self.look;
        let device = if phone { "phone" } else { "desktop" };
        let scheme = if dark { "dark" } else { "light" };
        let file = format!("{name}-{device}-{scheme}.png");
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(std::path::Path::new(&directory).join(file), picture).unwrap();
    }

    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
        drop(self.driver);
    }
}
