//! Tunnels: bytes of two peers passed on unread.

use tokio::io::copy_bidirectional;

use super::stream::BoxedStream;

/// Passes bytes both ways until both peers have ended, ends included.
pub(super) async fn splice(mut client: BoxedStream, mut server: BoxedStream) {
    // A tunnel that breaks is over; there is nobody to tell but the peers, who see it.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
