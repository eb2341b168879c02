//! The commands of the agent.

use crate::{
    AGENT,
    game_server::{GameServer, Manner},
    process::Home,
};
use metaserve_tests::run;
use std::net::Ipv4Addr;

#[tokio::test]
async fn query_prints_what_would_be_published() {
    let server = GameServer::named("^1Dusty's").await;
    let ended = run(AGENT, &["query", &server.target()]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = "name         Dusty's\nmap          dm1\n";
    assert!(ended.output.starts_with(expected), "{ended:?}");
    let ended = run(AGENT, &["query", "--json", &server.target()]).await;
    let record = serde_json::from_str::<serde_json::Value>(&ended.output).unwrap();
    assert_eq!(record["name"], "Dusty's");
    assert_eq!(record["max_players"], 8);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_explained_with_what_to_do() {
    let server = GameServer::on(Ipv4Addr::LOCALHOST, Manner::Silent).await;
    let silent = server.target();
    let address = GameServer::named("gone").await.end().await;
    let closed = format!("quake3://{address}");
    for (target, reason, advice) in [
        (
            &silent,
            "no answer within 5s",
            "check the protocol, the port and the firewall",
        ),
        (
            &closed,
            "nothing listens on this port",
            "start the game server, or check the port",
        ),
    ] {
        let ended = run(AGENT, &["query", target]).await;
        assert_eq!((ended.code, &*ended.output), (Some(1), ""), "{ended:?}");
        let complaint = ended.complaint;
        assert!(
            complaint.starts_with(&format!("error: no answer from {target}")),
            "{complaint}"
        );
        assert!(
            complaint.contains(reason) && complaint.contains(advice),
            "{complaint}"
        );
    }
    let ended = run(AGENT, &["query", "quake9://localhost"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.complaint.contains("quake3"), "{ended:?}");
}

#[tokio::test]
async fn check_says_what_the_agent_would_do_and_names_every_mistake() {
    let server = GameServer::named("Dusty's").await;
    let gone = GameServer::named("gone").await.end().await;
    let home = Home::new();
    home.write(&format!(
        "game = 'q3'\npush = '127.0.0.1:0'\n[[server]]\nname = 'arena'\nquery = '{}'\n\
         [[server]]\nname = 'gone'\nquery = 'quake3://{gone}'\n[[server]]\nport = 7777\n",
        server.target()
    ));
    let (file, state) = (home.file(), home.state());
    let arguments = [
        "check",
        "--config",
        file.to_str().unwrap(),
        "--state-dir",
        state.to_str().unwrap(),
    ];
    let ended = run(AGENT, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let port = server.address.port();
    for line in [
        "daemon: localhost:4433\n",
        ", which will be created\n",
        "push: 127.0.0.1:0 (TCP)\n",
        &format!(
            "server arena: listed in q3 with port {port}; {} answers: \"Dusty's\", 0/8 players\n",
            server.target()
        ),
        &format!(
            "quake3://{gone} does not answer now: nothing listens on this port; start the game server"
        ),
        "server q3@7777: listed in q3 with port 7777; tells its state over HTTP\n",
        "the agent would start\n",
    ] {
        assert!(
            ended.output.contains(line),
            "{line:?} is not in {}",
            ended.output
        );
    }

    // Nobody could join: players are sent to the agent's machine.
    home.write(
        "[[server]]\nname = 'far'\ngame = 'q3'\nport = 7777\nquery = 'quake3://192.0.2.1'\n",
    );
    let ended = run(AGENT, &arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let warning = "  warning: 192.0.2.1 is not an address of this machine, but players will be \
                   sent to this machine, port 7777: run the agent on the machine of the game server";
    assert!(ended.output.contains(warning), "{ended:?}");

    home.write("push = '0.0.0.0:8081'\n[[server]]\nquery = 'quake9://localhost'\n");
    let ended = run(AGENT, &arguments).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for problem in [
        "line 1: 0.0.0.0:8081 can be reached from other machines",
        "line 3: `server`: `query`: no protocol or game is called \"quake9\"",
    ] {
        assert!(
            ended.complaint.contains(problem),
            "{problem} is not in {}",
            ended.complaint
        );
    }
}

#[tokio::test]
async fn manual_and_completions_are_printed() {
    for (arguments, word) in [
        (&["man"][..], ".TH metaserve-agent"),
        (&["completions", "bash"], "complete -F _metaserve"),
        (&["--help"], "metaserve-agent query quake3://"),
    ] {
        let ended = run(AGENT, arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            ended.output.contains(word),
            "{word:?} is not in {}",
            ended.output
        );
    }
    let ended = run(AGENT, &[]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.complaint.contains("there is nothing to publish"),
        "{ended:?}"
    );
}
