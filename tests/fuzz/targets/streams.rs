//! A client of HTTP/2 that says anything: its requests are refused, or such that they can go on.
#![no_main]

mod pieces;

use corstap::wire::fields;
use corstap::wire::target::Authority;
use corstap::wire::{MAX_FIELDS, MAX_HEAD};
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt;

/// What every client begins with, so that the input need not find it.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fuzz_target!(|data: &[u8]| {
    let Some((octets, ends)) = pieces::cut(data) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("built").block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(GREETING).await.expect("room");
        let mut at = 0;
        for end in ends {
            client.write_all(&octets[at..end]).await.expect("room");
            at = end;
        }
        // What is said back does not fill the pipe.
        client.shutdown().await.expect("ended");
        serve(server).await;
    });
});

/// Takes requests until there are no more.
async fn serve(stream: tokio::io::DuplexStream) {
    let mut builder = h2::server::Builder::new();
    builder.max_header_list_size(u32::try_from(MAX_HEAD).expect("small"));
    let home = Authority::parse(b"a.test:443", None).expect("an authority");
    let Ok(mut connection) = builder.handshake::<_, bytes::Bytes>(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let (head, _content) = request.into_parts();
        let list = fields::header_list(&head.headers);
        assert_eq!(list.iter().count(), head.headers.len());
        if fields::check_request(&head, &home).is_err() {
            respond.send_reset(h2::Reason::PROTOCOL_ERROR);
            continue;
        }
        assert!(head.headers.len() <= MAX_FIELDS);
        let path = fields::path(&head.uri);
        assert!(path.starts_with('/') || path == "*", "{path:?}");
        assert!(!path.contains(['\r', '\n', ' ', '#']), "{path:?}");
        for (name, value) in &head.headers {
            assert!(!name.as_str().is_empty() && !name.as_str().contains(':'));
            let is_odd = |octet: &u8| matches!(octet, b'\r' | b'\n' | 0);
            assert!(!value.as_bytes().iter().any(is_odd));
        }
        // A client that is gone needs no answer.
        let _ = respond.send_response(http::Response::new(()), true);
    }
}
