//! The list as an element in a page of another origin.

use crate::{
    browser::{Browser, Look},
    list::{List, info},
};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A site of its own, which has one page and allows no styles.
async fn site(body: String) -> SocketAddr {
    let policy = "style-src 'none'; object-src 'none'; require-trusted-types-for 'script'";
    site_with(policy, body).await
}

async fn site_with(policy: &'static str, body: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>A community</title>\
         <meta name=color-scheme content=\"light dark\"><meta name=viewport content=\"width=device-width\"><link rel=icon href=data:,>\
         <main><h1>Our servers</h1>{body}</main></html>"
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\
                 content-security-policy: {policy}\r\ncontent-length: {}\r\n\r\n{page}",
                page.len()
            );
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// A page with the element, as the guide shows it.
async fn element(list: &List, attributes: &str, content: &str) -> SocketAddr {
    let daemon = format!("http://{}", list.http);
    site(format!(
        "<script type=module src=\"{daemon}/metaserve-list.js\"></script>\
         <metaserve-list src=\"{daemon}/\" {attributes}>{content}</metaserve-list>"
    ))
    .await
}

const TABLE: &str = "document.querySelector('metaserve-list').shadowRoot";

fn rows() -> String {
    format!("{TABLE}.querySelectorAll('tbody tr').length")
}

/// The text of a column, from top to bottom.
fn column(name: &str) -> String {
    format!("[...{TABLE}.querySelectorAll('tbody [part~={name}]')].map((cell) => cell.textContent)")
}

#[tokio::test]
async fn the_element_is_live_in_a_page_of_another_origin_and_survives_a_restart() {
    let list = List::start(30).await;
    let at = element(&list, "limit=1000", "").await;
    let page = Browser::open(at, Look::default()).await;
    page.until(&format!("{} === 30", rows())).await;
    // Markup stays text.
    page.until(&format!(
        "{}.includes('<img src=x onerror=alert(1)>') && !{TABLE}.querySelector('img')",
        column("name")
    ))
    .await;
    list.put(1000, &info("A new one", 3)).await;
    let named = format!(
        "[...{TABLE}.querySelectorAll('tbody tr')].find((row) => row.textContent.startsWith('A new one'))"
    );
    page.until(&named).await;
    page.run(&format!("window.kept = {named}")).await;
    list.put(1000, &info("A new one, renamed", 4)).await;
    page.until("window.kept.isConnected && window.kept.textContent.includes('renamed4 / 32')")
        .await;
    list.remove(1000).await;
    page.until(&format!("{} === 30 && !window.kept.isConnected", rows()))
        .await;
    let killed = list.kill().await;
    page.until(&format!(
        "{TABLE}.querySelector('[part=state]').innerText === 'connecting' && {} === 30",
        rows()
    ))
    .await;
    let list = killed.restart().await;
    list.put(1001, &info("Back again", 5)).await;
    page.until(&format!(
        "{} === 31 && {}.some((name) => name.includes('Back again'))",
        rows(),
        column("name")
    ))
    .await;
    page.close().await;
}

#[tokio::test]
async fn attributes_choose_columns_order_links_and_servers() {
    let list = List::start(31).await;
    let attributes = "game=quake3 columns=\"name mode address\" sort=name limit=5 \
                      filter=\"server\" join=\"quake3://{address}\"";
    let words = "<span slot=name>Nom</span><b slot=join>Rejoindre</b>";
    let at = element(&list, attributes, words).await;
    let page = Browser::open(at, Look::default()).await;
    page.until(&format!("{} === 5", rows())).await;
    page.until(&format!("{}[0].startsWith('Server 0')", column("name")))
        .await;
    let titles =
        format!("[...{TABLE}.querySelectorAll('th')].map((title) => title.textContent).join()");
    page.until(&format!("{titles} === 'Nom,mode,address,Rejoindre'"))
        .await;
    page.until(&format!(
        "{TABLE}.querySelector('tbody a').href === 'quake3://203.0.113.0:27960' && \
         {TABLE}.querySelector('tbody a').textContent === 'Rejoindre'"
    ))
    .await;
    page.run(&format!("{TABLE}.querySelector('th button').click()"))
        .await;
    page.until(&format!(
        "{TABLE}.querySelector('th').ariaSort === 'descending' && {}[0] === 'Server 30'",
        column("name")
    ))
    .await;
    let set = |name: &str, value: &str| {
        format!("document.querySelector('metaserve-list').setAttribute({name:?}, {value:?})")
    };
    page.run(&set("filter", "SERVER 113.27:")).await;
    page.until(&format!("{} === 1", rows())).await;
    page.run(&set("filter", "nothing like this")).await;
    page.until(&format!(
        "{TABLE}.querySelector('[part=state]').innerText === 'empty'"
    ))
    .await;
    page.run(&set("filter", "")).await;
    page.run(&set("game", "vcmi")).await;
    page.until(&format!("{} === 5", rows())).await;
    // A link that would run is none.
    for link in [
        "javascript:alert(1)//{address}",
        "java\tscript:alert(1)",
        " javascript:1",
        "DATA:text/html,x",
    ] {
        page.run(&set("join", link)).await;
        page.until(&format!(
            "{} === 5 && !{TABLE}.querySelector('tbody a[href]')",
            rows()
        ))
        .await;
    }
    page.close().await;
}

#[tokio::test]
async fn no_page_of_another_origin_can_announce_a_server() {
    let list = List::start(0).await;
    let at = site(String::new()).await;
    let page = Browser::open(at, Look::default()).await;
    let to = format!("http://{}/api/v1/servers/go/7777", list.http);
    for options in [
        "method: 'PUT'",
        "method: 'PUT', mode: 'no-cors'",
        "method: 'PUT', headers: { authorization: 'Bearer ' + 'a'.repeat(64) }",
        "method: 'DELETE'",
    ] {
        let body = if options.contains("PUT") {
            ", body: '{\"name\":\"x\"}'"
        } else {
            ""
        };
        let sent = format!(
            "return fetch('{to}', {{ {options}{body} }}).then(() => 'sent', (error) => error.name)"
        );
        assert_eq!(page.run(&sent).await, "TypeError", "{options}");
    }
    // What a form can send is no announcement either.
    let posted =
        format!("return fetch('{to}', {{ method: 'POST', mode: 'no-cors' }}).then(() => 1)");
    page.run(&posted).await;
    let listed = format!(
        "return fetch('http://{}/api/v1/servers').then((it) => it.json()).then((it) => it.servers.length)",
        list.http
    );
    assert_eq!(page.run(&listed).await, 0);
    page.close().await;
}

#[tokio::test]
async fn an_element_follows_what_the_page_does_with_it() {
    let list = List::start(31).await;
    let daemon = format!("http://{}", list.http);
    let at = element(
        &list,
        "game=quake3",
        // Loaded a second time, as from another daemon; and a second element.
        &format!(
            "</metaserve-list><script type=module src=\"{daemon}/metaserve-list.js?again\" \
             onload=\"window.again = true\"></script><metaserve-list id=other src=\"{daemon}/\" game=vcmi limit=3>"
        ),
    )
    .await;
    let page = Browser::open(at, Look::default()).await;
    let other = "document.getElementById('other').shadowRoot.querySelectorAll('tbody tr').length";
    page.until(&format!("{} === 11 && {other} === 3", rows()))
        .await;
    page.run(
        "const streams = window.streams = []; const Stream = EventSource; \
         window.EventSource = class extends Stream { constructor(url) { super(url); streams.push(this); } }; \
         window.element = document.querySelector('metaserve-list')",
    )
    .await;

    // A link does not lose the focus when another server leaves or the order changes.
    page.run("element.setAttribute('join', 'quake3://{address}')")
        .await;
    let links = format!("{TABLE}.querySelectorAll('tbody a').length");
    page.until(&format!("{links} === 11")).await;
    page.run(&format!("{TABLE}.querySelectorAll('tbody a')[4].focus()"))
        .await;
    page.run(&format!("window.focused = {TABLE}.activeElement"))
        .await;
    let above = page
        .run(&format!("return {TABLE}.querySelector('tbody a').href"))
        .await;
    let above = above
        .as_str()
        .unwrap()
        .rsplit_once(':')
        .unwrap()
        .0
        .to_owned();
    let key = above.rsplit('.').next().unwrap().parse().unwrap();
    list.remove(key).await;
    page.until(&format!(
        "{} === 10 && window.focused.isConnected && {TABLE}.activeElement === window.focused",
        rows()
    ))
    .await;

    // Only another list needs another stream.
    page.run("streams.length = 0; element.setAttribute('limit', 2)")
        .await;
    page.until(&format!("{} === 2", rows())).await;
    page.run("element.setAttribute('join', 'https://example.org/{address}')")
        .await;
    page.until(&format!(
        "{TABLE}.querySelector('tbody a').href.startsWith('https://example.org/')"
    ))
    .await;
    assert_eq!(page.run("return streams.length").await, 0);
    page.run("element.removeAttribute('join'); element.setAttribute('columns', 'game mode')")
        .await;
    page.until(&format!(
        "{TABLE}.querySelectorAll('th').length === 2 && {}.join() === 'quake3,quake3'",
        column("game")
    ))
    .await;
    page.run("element.setAttribute('game', 'vcmi')").await;
    page.until(&format!("{}.join() === 'vcmi,vcmi'", column("game")))
        .await;
    page.run(&format!("element.setAttribute('src', '{daemon}')"))
        .await;
    page.until(&format!(
        "streams.at(-1).url.startsWith('{daemon}/api') && streams.at(-1).readyState === 1 && {} === 2",
        rows()
    ))
    .await;
    page.until("streams.slice(0, -1).every(({ readyState }) => readyState === 2)")
        .await;

    // Removed, it leaves the daemon alone; added again, it is live.
    page.run("element.remove()").await;
    page.until("streams.every(({ readyState }) => readyState === 2)")
        .await;
    page.run("document.querySelector('main').prepend(element)")
        .await;
    page.until(&format!(
        "streams.at(-1).readyState === 1 && {} === 2",
        rows()
    ))
    .await;
    page.until(&format!("window.again && {other} === 3")).await;

    // What the daemon refuses is not asked for again.
    page.run("element.setAttribute('game', 'x'.repeat(1000))")
        .await;
    page.until(&format!(
        "{TABLE}.querySelector('[part=state]').innerText === 'refused' && {} === 0",
        rows()
    ))
    .await;
    page.close().await;
}

/// The code blocks of a language in the guide, with the address of this daemon.
fn examples(language: &str, list: &List) -> Vec<String> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/web-pages.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let begin = format!("```{language}\n");
    let blocks = guide.split(&begin).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .map(|block| block.replace("https://list.example.org", &format!("http://{}", list.http)))
        .collect()
}

#[tokio::test]
async fn the_examples_of_the_guide_work_as_they_stand() {
    let list = List::start(0).await;
    list.put_into("my-game", 7, &info("<b>The castle", 3)).await;
    let html = examples("html", &list);
    let [table, search, french] = &html[..] else {
        panic!("the guide has other examples: {html:?}");
    };
    let (css, js) = (examples("css", &list), examples("js", &list));
    let body = format!(
        "<style>{}</style><script>window.said = []; console.log = (it) => said.push(it); \
         window.draw = (servers) => {{ window.drawn = servers; }};</script>\
         {table}{search}<div id=french>{french}</div><script type=module>{}</script>",
        css.concat(),
        js.concat()
    );
    let at = site_with("object-src 'none'", body).await;
    let page = Browser::open(at, Look::default()).await;
    page.until(&format!("{}.join() === '<b>The castle'", column("name")))
        .await;
    page.until(&format!(
        "getComputedStyle({TABLE}.querySelector('th')).color === 'rgb(0, 128, 0)' && \
         getComputedStyle({TABLE}.querySelector('td[part~=players]')).textAlign === 'right'"
    ))
    .await;
    let texts = |of: &str| {
        format!(
            "[...document.querySelector('#french metaserve-list').shadowRoot.querySelectorAll('{of}')]\
             .map((it) => it.textContent).join()"
        )
    };
    page.until(&format!(
        "{} === 'Nom,Joueurs,Carte,Adresse,Rejoindre'",
        texts("th")
    ))
    .await;
    page.until(&format!("{} === 'Rejoindre'", texts("td a")))
        .await;
    page.until(
        "document.querySelector('#french metaserve-list').shadowRoot.querySelector('td a').href \
         === 'mygame://203.0.113.7:27960'",
    )
    .await;
    page.until("said.includes('live') && [...drawn.values()].join() === '[object Object]'")
        .await;
    page.type_into("input", "castle").await;
    page.type_into("input", "-none").await;
    page.until(&format!(
        "{} === 0 && {TABLE}.querySelector('[part=state]').innerText === 'empty'",
        rows()
    ))
    .await;
    list.remove(7).await;
    page.until(&format!(
        "drawn.size === 0 && {} === 'Aucun serveur'",
        texts("[part=state]")
    ))
    .await;
    page.close().await;
}

#[tokio::test]
async fn the_element_fits_every_screen() {
    let list = List::start(40).await;
    for phone in [false, true] {
        for dark in [false, true] {
            let at = element(&list, "join=\"quake3://{address}\"", "").await;
            let page = Browser::open(at, Look { phone, dark }).await;
            page.until(&format!("{} === 40", rows())).await;
            page.until("document.documentElement.scrollWidth <= innerWidth")
                .await;
            page.screenshot("element").await;
            page.close().await;
        }
    }
}

/// `METASERVE_AXE` is the path of axe-core's `axe.min.js`.
#[tokio::test]
#[ignore = "needs axe-core: tests/live.sh js"]
async fn axe_finds_nothing_wrong_with_the_page_and_the_element() {
    let axe = std::env::var("METASERVE_AXE").expect("the path of axe.min.js");
    let axe = std::fs::read_to_string(axe).unwrap();
    let list = List::start(12).await;
    let elsewhere = element(&list, "join=\"quake3://{address}\"", "").await;
    for at in [list.http, elsewhere] {
        for dark in [false, true] {
            let look = Look { dark, phone: dark };
            let page = Browser::open(at, look).await;
            let shown = format!(
                "(document.querySelector('#rows') ?? {TABLE}.querySelector('tbody'))?.children.length === 12"
            );
            page.until(&shown).await;
            page.run(&axe).await;
            let found = page
                .run(
                    "return axe.run().then(({ violations }) => violations.map(({ id, nodes }) => \
                     `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(' ')}`))",
                )
                .await;
            assert_eq!(found, serde_json::json!([]), "{at} {look:?}");
            page.close().await;
        }
    }
}
