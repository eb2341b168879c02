use super::*;
use metaserve::{socket::wrap, tls::secret::Secret};
use std::{
    future::poll_fn,
    net::{Ipv4Addr, UdpSocket},
    task::Waker,
};

/// Two shards without endpoints, and what they count.
struct Pair {
    ids: ConnectionIds,
    shards: [HandOver; 2],
    count: HandedOver,
}

fn pair() -> Pair {
    let directory = tempfile::tempdir().unwrap();
    let secret = Secret::load_or_create(directory.path()).unwrap();
    let ids = secret.connection_ids().clone();
    let count = HandedOver::default();
    let shards = between(2, &ids, &count).try_into().unwrap();
    Pair { ids, shards, count }
}

fn socket(shard: HandOver) -> Arc<dyn AsyncUdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    wrap(socket, shard).unwrap()
}

/// A datagram of a connection that `shard` serves.
fn datagram(ids: &ConnectionIds, shard: usize, text: &str) -> Vec<u8> {
    [&[0x40][..], &ids.another(shard), text.as_bytes()].concat()
}

/// What the next call of the socket gives, datagram by datagram.
async fn receive(socket: &Arc<dyn AsyncUdpSocket>) -> Vec<Vec<u8>> {
    let mut memory = vec![[0; 65_536]; 4];
    let mut meta = [RecvMeta::default(); 4];
    let received = poll_fn(|context| {
        let mut buffers = memory.iter_mut().map(|it| IoSliceMut::new(it));
        let mut buffers: [_; 4] = std::array::from_fn(|_| buffers.next().unwrap());
        socket.poll_recv(context, &mut buffers, &mut meta)
    });
    let received = received.await.unwrap();
    let mut datagrams = Vec::new();
    for (meta, memory) in meta.iter().zip(&memory).take(received) {
        let strides = memory[..meta.len].chunks(meta.stride.max(1));
        datagrams.extend(strides.map(<[u8]>::to_vec));
    }
    datagrams
}

fn send(socket: &UdpSocket, to: &Arc<dyn AsyncUdpSocket>, bytes: &[u8]) {
    socket.send_to(bytes, to.local_addr().unwrap()).unwrap();
}

#[tokio::test]
async fn a_datagram_for_another_shard_is_handed_over_with_its_sender() {
    let Pair { ids, shards, count } = pair();
    let [first, second] = &shards.map(socket);
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let strayed = datagram(&ids, 1, "strayed");
    send(&peer, first, &strayed);
    assert_eq!(
        receive(first).await,
        Vec::<Vec<u8>>::new(),
        "it is not for the first"
    );
    let mut memory = [0; 2_048];
    let mut meta = [RecvMeta::default()];
    // It is there already.
    let context = &mut Context::from_waker(Waker::noop());
    let received = second.poll_recv(context, &mut [IoSliceMut::new(&mut memory)], &mut meta);
    assert!(matches!(received, Poll::Ready(Ok(1))), "{received:?}");
    assert_eq!(memory[..meta[0].len], strayed);
    assert_eq!(meta[0].addr, peer.local_addr().unwrap());
    assert_eq!(meta[0].stride, strayed.len());
    assert_eq!((count.delivered.get(), count.dropped.get()), (1, 0));
}

/// Several connections behind one socket are received at once where the kernel coalesces them.
#[test]
fn each_datagram_of_a_coalesced_receive_goes_to_its_shard() {
    let Pair { ids, shards, count } = pair();
    let mut buffer = Vec::new();
    let own = |text| datagram(&ids, 0, text);
    let other = |text| datagram(&ids, 1, text);
    for datagram in [other("1"), own("2"), other("3"), own("4"), own("5")] {
        buffer.extend(datagram);
    }
    let stride = own("1").len();
    buffer.truncate(buffer.len() - 1);
    let [first, second] = shards;
    let mut meta = RecvMeta {
        len: buffer.len(),
        stride,
        ..RecvMeta::default()
    };
    first.sort(&mut buffer, &mut meta);
    let kept: Vec<_> = buffer[..meta.len]
        .chunks(meta.stride)
        .map(|it| it[9..].to_vec())
        .collect();
    assert_eq!(kept, [b"2".to_vec(), b"4".to_vec(), Vec::new()]);
    let mut handed_over = Vec::new();
    while let Ok(datagram) = second.inbox.lock().try_recv() {
        handed_over.push(datagram.bytes[9..].to_vec());
    }
    assert_eq!(handed_over, [b"1".to_vec(), b"3".to_vec()]);
    assert_eq!(count.delivered.get(), 2);
}

#[tokio::test]
async fn a_flood_for_one_shard_fills_its_queue_and_no_more() {
    let Pair { ids, shards, count } = pair();
    let [first, second] = shards;
    let flood = datagram(&ids, 1, "again");
    let meta = RecvMeta {
        len: flood.len(),
        stride: flood.len(),
        ..RecvMeta::default()
    };
    for _ in 0..2 * QUEUE {
        first.put(1, &flood, &meta);
    }
    let (delivered, dropped) = (count.delivered.get(), count.dropped.get());
    assert_eq!((delivered, dropped), (QUEUE as u64, QUEUE as u64));
    // What was queued takes half of the buffers, and the rest is for the socket.
    let socket = socket(second);
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = datagram(&ids, 1, "its own");
    send(&peer, &socket, &own);
    let mut floods = 0;
    loop {
        let received = receive(&socket).await;
        if received.contains(&own) {
            break;
        }
        floods += received.len();
        assert!(floods < QUEUE, "the socket waits for the queue");
        tokio::task::yield_now().await;
    }
}
