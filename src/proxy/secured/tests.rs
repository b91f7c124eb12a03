use std::time::Duration;

use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::*;

type Server = Secured<UnbufferedServerConnection>;
type Client = Secured<UnbufferedClientConnection>;

/// What two sides need to know of each other.
struct Pair {
    server: ServerConfig,
    client: ClientConfig,
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let made = rcgen::generate_simple_self_signed(["app.test".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { server, client }
    }

    fn tls13() -> Self {
        Self::new(&rustls::version::TLS13)
    }

    /// Both ends of a connection, both of them ours.
    async fn connected(self) -> (Client, Server) {
        let (near, far) = tcp().await;
        let client = connect(self.client, near);
        let (client, server) = tokio::join!(client, accept(self.server, far));
        (client.unwrap(), server.unwrap())
    }
}

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap());
    let (near, accepted) = tokio::join!(near, listener.accept());
    (near.unwrap(), accepted.unwrap().0)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("app.test").unwrap()
}

async fn accept(config: ServerConfig, tcp: TcpStream) -> io::Result<Server> {
    Secured::accept(Arc::new(config), Box::new(tcp), BytesMut::new()).await
}

async fn connect(config: ClientConfig, tcp: TcpStream) -> io::Result<Client> {
    Secured::connect(Arc::new(config), name(), Box::new(tcp), BytesMut::new()).await
}

fn octets(count: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(count).collect()
}

/// Says it all, in pieces of that many octets, and ends.
async fn say<S: Side>(to: &mut Secured<S>, all: &[u8], piece: usize) {
    for piece in all.chunks(piece) {
        to.write_all(piece).await.unwrap();
    }
    to.shutdown().await.unwrap();
}

/// Hears all that is said, asking for that many octets at a time.
async fn hear<S: Side>(from: &mut Secured<S>, piece: usize) -> Vec<u8> {
    let (mut heard, mut room) = (Vec::new(), vec![0; piece]);
    loop {
        match from.read(&mut room).await.unwrap() {
            0 => return heard,
            read => heard.extend_from_slice(&room[..read]),
        }
    }
}

#[tokio::test]
async fn what_is_said_is_heard_in_whatever_pieces() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (said, heard) in [
            (1, 1),
            (100, 7),
            (16_384, 100),
            (16_385, 70_000),
            (200_000, 5000),
        ] {
            let (mut client, mut server) = Pair::new(version).connected().await;
            let all = octets(said.min(1000) * 300);
            let ((), told) = tokio::join!(say(&mut client, &all, said), hear(&mut server, heard));
            assert!(told == all, "{said} {heard}");
            let ((), told) = tokio::join!(say(&mut server, &all, said), hear(&mut client, heard));
            assert!(told == all, "{said} {heard}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_waits_holds_no_room() {
    let (mut client, mut server) = Pair::tls13().connected().await;
    client.write_all(&octets(100_000)).await.unwrap();
    client.flush().await.unwrap();
    server.read_exact(&mut vec![0; 100_000]).await.unwrap();
    server.write_all(b"heard").await.unwrap();
    client.read_exact(&mut [0; 5]).await.unwrap();
    for room in [&client.partial, &client.plain, &client.unsent] {
        assert_eq!(room.capacity(), 0);
    }
    for room in [&server.partial, &server.plain, &server.unsent] {
        assert_eq!(room.capacity(), 0);
    }
}

#[tokio::test]
async fn an_end_is_told_from_a_connection_that_was_cut() {
    let (mut client, mut server) = Pair::tls13().connected().await;
    client.write_all(b"last").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(hear(&mut server, 10).await, b"last");
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
    // Who has heard the end may still say something.
    server.write_all(b"more").await.unwrap();
    server.flush().await.unwrap();
    drop(server);
    client.read_exact(&mut [0; 4]).await.unwrap();
    let error = client.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let after = client.write(b"too late").await.unwrap_err();
    assert_eq!(after.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn what_came_before_what_is_wrong_was_said() {
    let (mut client, mut server) = Pair::tls13().connected().await;
    client.write_all(&octets(40_000)).await.unwrap();
    client.unsent.extend_from_slice(&[0x17, 3, 3, 0, 1, 0]);
    client.flush().await.unwrap();
    server.read_exact(&mut vec![0; 40_000]).await.unwrap();
    for _ in 0..2 {
        let error = server.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
    server.write(b"?").await.unwrap_err();
    let alert = client.read(&mut [0]).await.unwrap_err();
    let alert = alert.into_inner().unwrap().downcast::<rustls::Error>();
    assert!(matches!(*alert.unwrap(), rustls::Error::AlertReceived(_)));
}

#[tokio::test]
async fn who_does_not_read_holds_up_who_writes_and_little_is_kept() {
    let (mut client, mut server) = Pair::tls13().connected().await;
    let all = octets(64 * MOST);
    let mut written = 0;
    while let Poll::Ready(more) =
        poll_fn(|cx| Poll::Ready(Pin::new(&mut client).poll_write(cx, &all[written..]))).await
    {
        written += more.unwrap();
    }
    assert!(written < all.len(), "nobody reads");
    assert!(client.unsent.len() <= MOST + RECORD);
    let rest = async {
        client.write_all(&all[written..]).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let ((), told) = tokio::join!(rest, hear(&mut server, 5000));
    assert!(told == all);
}

#[tokio::test]
async fn what_is_in_several_pieces_leaves_in_order() {
    let (mut client, mut server) = Pair::tls13().connected().await;
    let (small, large) = (octets(10), octets(100_000));
    let mut all = small.clone();
    all.extend_from_slice(&large);
    let pieces = [&[][..], &small, &large].map(io::IoSlice::new);
    let written = client.write_vectored(&pieces).await.unwrap();
    assert_eq!(written, MOST);
    let ((), told) = tokio::join!(
        say(&mut client, &all[written..], all.len()),
        hear(&mut server, 5000)
    );
    assert!(told == all);
}

#[tokio::test]
async fn keys_may_change_in_between() {
    let (near, far) = tcp().await;
    let pair = Pair::tls13();
    let other = TlsConnector::from(Arc::new(pair.client)).connect(name(), near);
    let (other, server) = tokio::join!(other, accept(pair.server, far));
    let (mut other, mut server) = (other.unwrap(), server.unwrap());
    for _ in 0..3 {
        other.get_mut().1.refresh_traffic_keys().unwrap();
        other.write_all(b"new keys").await.unwrap();
        let mut heard = [0; 8];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"new keys");
        server.write_all(&heard).await.unwrap();
        server.flush().await.unwrap();
        other.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"new keys");
    }
}

#[tokio::test]
async fn a_handshake_in_very_small_records_is_one() {
    let mut pair = Pair::tls13();
    pair.server.max_fragment_size = Some(32);
    pair.client.max_fragment_size = Some(32);
    let (mut client, mut server) = pair.connected().await;
    let all = octets(10_000);
    let ((), told) = tokio::join!(say(&mut client, &all, 3000), hear(&mut server, 5000));
    assert!(told == all);
}

#[tokio::test]
async fn a_handshake_that_trickles_is_one() {
    let (near, mut middle) = tcp().await;
    let (mut other_middle, far) = tcp().await;
    let pair = Pair::tls13();
    let trickle = async {
        let (mut one, mut other) = ([0], [0]);
        loop {
            tokio::select! {
                read = middle.read(&mut one) => match read.unwrap() {
                    0 => break,
                    _ => other_middle.write_all(&one).await.unwrap(),
                },
                read = other_middle.read(&mut other) => match read.unwrap() {
                    0 => break,
                    _ => middle.write_all(&other).await.unwrap(),
                },
            }
        }
    };
    let talk = async {
        let client = connect(pair.client, near);
        let (client, server) = tokio::join!(client, accept(pair.server, far));
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        server.write_all(b"at last").await.unwrap();
        server.flush().await.unwrap();
        let mut heard = [0; 7];
        client.read_exact(&mut heard).await.unwrap();
        heard
    };
    let heard = tokio::select! {
        heard = talk => heard,
        () = trickle => panic!("it was cut"),
    };
    assert_eq!(&heard, b"at last");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_said_to_both() {
    let (near, far) = tcp().await;
    let (ours, theirs) = (Pair::tls13(), Pair::tls13());
    let client = connect(theirs.client, near);
    let (client, server) = tokio::join!(client, accept(ours.server, far));
    let told = |error: io::Error| error.into_inner().unwrap().downcast::<rustls::Error>();
    let error = *told(client.err().unwrap()).unwrap();
    assert!(matches!(error, rustls::Error::InvalidCertificate(_)));
    let error = *told(server.err().unwrap()).unwrap();
    assert!(matches!(error, rustls::Error::AlertReceived(_)));
}

#[tokio::test]
async fn a_message_of_a_handshake_that_never_ends_is_not_waited_for() {
    let (mut near, far) = tcp().await;
    let flood = async {
        // A ClientHello of 65,535 octets, one octet in each record.
        let mut hello = octets(66_000);
        hello[..4].copy_from_slice(&[1, 0, 0xff, 0xff]);
        for octet in hello {
            let record = [0x16, 3, 1, 0, 1, octet];
            if near.write_all(&record).await.is_err() {
                return;
            }
        }
    };
    let (error, ()) = tokio::join!(accept(Pair::tls13().server, far), flood);
    assert_eq!(error.err().unwrap().kind(), io::ErrorKind::InvalidData);
}

/// What a client says in a handshake and after it, and what comes to its server with one octet changed.
async fn heard_with(changed: usize, to: u8) -> io::Result<Vec<u8>> {
    let pair = Pair::tls13();
    let (near, mut middle) = tcp().await;
    let (mut other_middle, far) = tcp().await;
    let change = async {
        let (mut up, mut down, mut came) = (vec![0; 4096], vec![0; 4096], 0);
        loop {
            tokio::select! {
                read = middle.read(&mut up) => {
                    let read = read.unwrap_or(0);
                    if let Some(octet) = changed.checked_sub(came).and_then(|at| up[..read].get_mut(at)) {
                        *octet = to;
                    }
                    came += read;
                    if read == 0 || other_middle.write_all(&up[..read]).await.is_err() {
                        break;
                    }
                }
                read = other_middle.read(&mut down) => {
                    let read = read.unwrap_or(0);
                    if read == 0 || middle.write_all(&down[..read]).await.is_err() {
                        break;
                    }
                }
            }
        }
        drop((middle, other_middle));
    };
    let client = async {
        let mut client = connect(pair.client, near).await?;
        client.write_all(b"said").await?;
        client.shutdown().await
    };
    let server = async {
        let mut server = accept(pair.server, far).await?;
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await?;
        Ok(heard)
    };
    // A record that was made longer is waited for by one, and its answer by the other.
    let all = async { tokio::join!(change, client, server).2 };
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(Duration::from_secs(1), all).await.map_err(late)?
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_changed_on_the_way_is_never_heard(changed in 0_usize..900, to: u8) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Ok(heard) = runtime.block_on(heard_with(changed, to)) {
            prop_assert_eq!(heard, b"said");
        }
    }
}
