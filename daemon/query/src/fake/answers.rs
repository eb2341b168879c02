//! What the fakes say. Each fake has one name, map, number of players and limit; what an answer
//! lacks in length is filled up where its protocol leaves room.

use super::{MAP, MAX_PLAYERS, PLAYERS};
use crate::{Protocol, reader::Reader};

/// The longest part of a split answer: as servers have it.
const PART_BYTES: usize = 1248;

/// The names of who is on every fake.
const NAMES: [&str; PLAYERS as usize] = ["Ana", "Bo", "Chi"];

/// A kilobyte of random bytes.
pub(super) fn garbage() -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..))
        .take(1024)
        .collect()
}

/// The datagrams that answer a question; none if it is no question of this protocol.
pub(super) fn udp(protocol: Protocol, question: &[u8], bytes: usize) -> Vec<Vec<u8>> {
    let filling = "x".repeat(bytes.min(60_000).saturating_sub(300));
    let answer = match protocol {
        Protocol::Quake1 => quake1(question, &filling),
        Protocol::Quake2 => quake2(question, &filling),
        Protocol::Quake3 => quake3(question, &filling),
        Protocol::NetQuake => netquake(question),
        Protocol::Valve => return valve(question, &filling).map_or(vec![], |it| split(&it)),
        Protocol::Bedrock => bedrock(question, &filling),
        Protocol::Luanti => luanti(question, &filling),
        Protocol::Teeworlds6 => return teeworlds6(question, &filling).unwrap_or_default(),
        Protocol::Teeworlds7 => teeworlds7(question, &filling),
        Protocol::Mumble => mumble(question, &filling),
        _ => None,
    };
    answer.into_iter().collect()
}

fn asks(question: &[u8], word: &[u8]) -> Option<()> {
    question
        .strip_prefix(b"\xff\xff\xff\xff")?
        .strip_prefix(word)
        .map(|_| ())
}

fn quake1(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    asks(question, b"status")?;
    let mut answer = b"\xff\xff\xff\xffn".to_vec();
    let settings = format!(
        "\\hostname\\Fake quake1\\map\\{MAP}\\maxclients\\{MAX_PLAYERS}\\rules\\{filling}\n"
    );
    answer.extend(settings.bytes());
    for (number, name) in NAMES.iter().enumerate() {
        answer.extend(format!("{number} 5 3 40 \"{name}\" \"base\" 4 4\n").bytes());
    }
    answer.push(0);
    Some(answer)
}

fn quake2(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    asks(question, b"status")?;
    let mut answer = b"\xff\xff\xff\xffprint\n".to_vec();
    let settings = format!(
        "\\hostname\\Fake quake2\\mapname\\{MAP}\\maxclients\\{MAX_PLAYERS}\\rules\\{filling}\n"
    );
    answer.extend(settings.bytes());
    answer.extend(players());
    Some(answer)
}

fn quake3(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    let words = String::from_utf8_lossy(question.strip_prefix(b"\xff\xff\xff\xff")?);
    let (word, challenge) = words.trim_end().split_once(' ')?;
    let common = format!(
        "\\challenge\\{challenge}\\mapname\\{MAP}\\sv_maxclients\\{MAX_PLAYERS}\\gamename\\baseoa"
    );
    let mut answer = b"\xff\xff\xff\xff".to_vec();
    match word {
        "getinfo" => {
            let info = format!("infoResponse\n{common}\\hostname\\Fake quake3\\clients\\{PLAYERS}");
            answer.extend(info.bytes());
        }
        "getstatus" => {
            let status =
                format!("statusResponse\n{common}\\sv_hostname\\Fake quake3\\rules\\{filling}\n");
            answer.extend(status.bytes());
            answer.extend(players());
        }
        _ => return None,
    }
    Some(answer)
}

/// The players' lines of Quake II and III.
fn players() -> Vec<u8> {
    let lines = NAMES.iter().map(|name| format!("5 40 \"{name}\"\n"));
    lines.collect::<String>().into_bytes()
}

fn netquake(question: &[u8]) -> Option<Vec<u8>> {
    let mut question = Reader::new(question);
    question.exactly(&[0x80, 0])?;
    question.array::<2>()?;
    let mut body = Vec::new();
    match question.byte()? {
        2 => {
            body.push(0x83);
            body.extend(format!("127.0.0.1:26000\0Fake netquake\0{MAP}\0").bytes());
            body.extend([PLAYERS as u8, MAX_PLAYERS as u8, 3]);
        }
        3 => {
            let number = question.byte()?;
            let name = NAMES.get(usize::from(number))?;
            body.extend([0x84, number]);
            body.extend(format!("{name}\0").bytes());
            body.extend([4, 0, 0, 0, 5, 0, 0, 0, 60, 0, 0, 0]);
            body.extend(b"127.0.0.1:26000\0");
        }
        _ => return None,
    }
    let length = (body.len() + 4) as u16;
    Some([&[0x80, 0], &length.to_be_bytes()[..], &body].concat())
}

/// The answer, whole. Every question needs the challenge.
fn valve(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    const CHALLENGE: &[u8] = b"\x0a\x0b\x0c\x0d";
    let mut answer = b"\xff\xff\xff\xff".to_vec();
    let question = question.strip_prefix(&answer[..])?;
    if !question.ends_with(CHALLENGE) {
        answer.push(b'A');
        answer.extend(CHALLENGE);
    } else if question.starts_with(b"TSource Engine Query\0") {
        answer.extend(format!("I\x11Fake valve\0{MAP}\0fake\0Fakes\0\0\0").bytes());
        answer.extend([PLAYERS as u8, MAX_PLAYERS as u8, 0, b'd', b'l', 0, 1]);
        answer.extend(format!("1.0\0\x20{filling}\0").bytes());
    } else if question.starts_with(b"U") {
        answer.extend([b'D', PLAYERS as u8]);
        for name in NAMES {
            answer.extend(format!("\0{name}\0\x05\0\0\0\0\0\0\0").bytes());
        }
    } else {
        return None;
    }
    Some(answer)
}

/// In as many datagrams as Source servers send.
fn split(answer: &[u8]) -> Vec<Vec<u8>> {
    if answer.len() <= PART_BYTES {
        return vec![answer.to_owned()];
    }
    let parts: Vec<_> = answer.chunks(PART_BYTES).collect();
    let part = |(number, content): (usize, &&[u8])| {
        let mut part = b"\xfe\xff\xff\xff\x01\0\0\0".to_vec();
        part.extend([parts.len() as u8, number as u8]);
        part.extend((PART_BYTES as u16).to_le_bytes());
        part.extend(*content);
        part
    };
    parts.iter().enumerate().map(part).collect()
}

fn bedrock(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    let mut question = Reader::new(question);
    question.exactly(&[1])?;
    let nonce: [u8; 8] = question.array()?;
    let magic: [u8; 16] = question.array()?;
    let text = format!(
        "MCPE;Fake bedrock;1;1.0;{PLAYERS};{MAX_PLAYERS};1;{MAP};Survival;1;19132;19133;{filling};"
    );
    let length = text.len() as u16;
    let head = [&[0x1c], &nonce[..], &[0; 8], &magic, &length.to_be_bytes()].concat();
    Some([&head, text.as_bytes()].concat())
}

fn luanti(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    let asked = question.strip_prefix(b"\x4f\x45\x74\x03")? == [0, 0, 0, 1];
    let answer = b"\x4f\x45\x74\x03\0\x01\0\x03\xff\xdc\0\x01\0\x04";
    asked.then(|| [&answer[..], filling.as_bytes()].concat())
}

/// Half of the filling is with the server, half with a packet of players.
fn teeworlds6(question: &[u8], filling: &str) -> Option<Vec<Vec<u8>>> {
    let mut question = Reader::new(question);
    question.exactly(b"xe")?;
    let [high, low] = question.array()?;
    question.array::<2>()?;
    question.exactly(b"\xff\xff\xff\xffgie3")?;
    let token = u32::from_be_bytes([0, high, low, question.byte()?]);
    let half = &filling[filling.len() / 2..];
    let each = &half[half.len() * 2 / 3..];
    let server = format!(
        "iext{token}\x000.6\0Fake teeworlds6\0{MAP}\x000\x000\0DM\x000\0\
        {PLAYERS}\0{MAX_PLAYERS}\0{PLAYERS}\0{MAX_PLAYERS}\0{half}\0"
    );
    let clients = NAMES.map(|name| format!("{name}\0clan\0-1\x005\x001\0{each}\0"));
    let more = format!("iex+{token}\x001\0\0{}", clients.concat());
    let packets = [server, more].into_iter();
    Some(
        packets
            .map(|it| [&[0xff; 10][..], it.as_bytes()].concat())
            .collect(),
    )
}

fn teeworlds7(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    const OURS: &[u8; 4] = b"fake";
    let mut question = Reader::new(question);
    let [kind] = question.array()?;
    if kind == 4 {
        question.exactly(b"\0\0\xff\xff\xff\xff\x05")?;
        let theirs: [u8; 4] = question.array()?;
        return Some([&[4, 0, 0], &theirs[..], &[5], OURS].concat());
    }
    question.exactly(OURS)?;
    let theirs: [u8; 4] = question.array()?;
    question.exactly(b"\xff\xff\xff\xffgie3")?;
    let token = question.byte()?;
    let mut answer = [&[0x21], &theirs[..], OURS, b"\xff\xff\xff\xffinf3"].concat();
    answer.push(token);
    answer.extend(format!("0.7\0Fake teeworlds7\0{filling}\0{MAP}\0DM\0\0\0").bytes());
    // All are below 64, so that each has one byte.
    answer.extend([
        PLAYERS as u8,
        MAX_PLAYERS as u8,
        PLAYERS as u8,
        MAX_PLAYERS as u8,
    ]);
    for name in NAMES {
        answer.extend(format!("{name}\0clan\0\x40\x05\0").bytes());
    }
    Some(answer)
}

fn mumble(question: &[u8], filling: &str) -> Option<Vec<u8>> {
    let nonce = question.strip_prefix(&[0; 4])?;
    let mut answer = [&[0, 1, 3, 4], nonce].concat();
    answer.extend(
        [PLAYERS, MAX_PLAYERS, 72_000]
            .map(u32::to_be_bytes)
            .concat(),
    );
    answer.extend(filling.bytes());
    Some(answer)
}

/// The packet that answers a status request.
pub(super) fn minecraft(bytes: usize) -> Vec<u8> {
    let filling = "x".repeat(bytes.min(60_000).saturating_sub(300));
    let sample = NAMES
        .map(|name| format!("{{\"name\":\"{name}\"}}"))
        .join(",");
    let json = format!(
        "{{\"version\":{{\"name\":\"1.21\"}},\"description\":{{\"text\":\"Fake minecraft\"}},\
        \"players\":{{\"online\":{PLAYERS},\"max\":{MAX_PLAYERS},\"sample\":[{sample}]}},\
        \"favicon\":\"{filling}\"}}"
    );
    let text = with_length(json.into_bytes());
    with_length([&[0], &text[..]].concat())
}

/// With its length, of three bytes, in front.
fn with_length(bytes: Vec<u8>) -> Vec<u8> {
    let length = bytes.len();
    let [low, middle, high] = [0, 7, 14].map(|shift| (length >> shift & 0x7f) as u8);
    [&[low | 0x80, middle | 0x80, high][..], &bytes].concat()
}
