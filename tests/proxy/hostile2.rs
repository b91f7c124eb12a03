//! Hostile HTTP/2 (`tests/hostile/h2_frames.jsonl`), sent frame by frame, judged by what arrives on
//! the far side.

use std::time::Duration;

use corstap::wire::alpn::Alpn;
use tokio::time::timeout;

use crate::frames::{Origin, Seen, Vector, vectors};
use crate::support::frames::{self, Heard, Raw};
use crate::support::replays::all_pass;
use crate::support::scene::Scene;

/// How long an answer may take when one is due.
const DUE: Duration = Duration::from_secs(5);
/// How long silence has to last to be taken for it.
const SILENCE: Duration = Duration::from_millis(400);
/// How long a new connection may take to be served after a flood.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// In which pieces a client sends its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pieces {
    /// Each frame by itself.
    Frames,
    /// Each octet by itself.
    Octets,
    /// Some of random lengths, which follow from a seed.
    Some(u64),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_frames_are_passed_on_as_what_they_mean_or_not_at_all() {
    run(vectors(), &[Pieces::Frames]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_makes_no_difference_in_which_pieces_hostile_frames_come() {
    const FULL: [Pieces; 4] = [
        Pieces::Octets,
        Pieces::Some(1),
        Pieces::Some(2),
        Pieces::Some(3),
    ];
    let mut vectors = vectors();
    if std::env::var_os("CORSTAP_FULL").is_some() {
        return run(vectors, &FULL).await;
    }
    vectors.retain(|vector| !vector.survive);
    run(vectors.into_iter().step_by(11).collect(), &FULL[..2]).await;
}

/// Runs all vectors in all these pieces, and lists everything that went wrong.
async fn run(vectors: Vec<Vector>, all_pieces: &[Pieces]) {
    let replays = vectors.iter().flat_map(|vector| {
        let fits = |pieces: &&Pieces| **pieces != Pieces::Octets || vector.is_short();
        all_pieces.iter().filter(fits).map(|&pieces| {
            let name = format!("{} ({pieces:?})", vector.id);
            (name, replay(vector.clone(), pieces))
        })
    });
    all_pass(replays).await;
}

async fn replay(vector: Vector, pieces: Pieces) -> Result<(), String> {
    let scene = Scene::set().await;
    let (near, far) = scene.both_with(&[Alpn::Http2], Alpn::Http2).await;
    let origin = Origin::serve(far);
    let mut client = Raw::new(near);
    client.sends(in_pieces(vector.octets(&scene.authority()), pieces));
    let patience = if vector.accept_timeout { SILENCE } else { DUE };
    client.has_sent().await;
    let is_decided = client
        .hears(patience, |heard| vector.is_decided(heard))
        .await;
    let heard = client.heard.clone();
    drop(client);
    let seen = timeout(DUE, origin.seen())
        .await
        .map_err(|_| "the server's connection was left open")?;
    vector.judge(&scene.authority(), &heard, is_decided, &seen)?;
    if vector.survive {
        let served = timeout(AFTERWARDS, is_served(&scene)).await;
        served.map_err(|_| "no new connection is served")?;
    }
    Ok(())
}

/// Waits for the answer to a request on a new connection.
async fn is_served(scene: &Scene) {
    let (near, far) = scene.both_with(&[Alpn::Http2], Alpn::Http2).await;
    let _origin = Origin::serve(far);
    let mut client = Raw::new(near);
    let authority = scene.authority();
    let head = frames::request("GET", &authority, "/", &[]);
    client.sends(vec![
        frames::greeting(),
        frames::frame(frames::HEADERS, 5, 1, &frames::block(&head)),
    ]);
    client.has_sent().await;
    client
        .hears(AFTERWARDS, |heard| heard.answers.contains_key(&1))
        .await;
    assert_eq!(client.heard.answers.get(&1), Some(&true), "it is served");
}

fn in_pieces(frames: Vec<Vec<u8>>, pieces: Pieces) -> Vec<Vec<u8>> {
    let octets = || frames.concat();
    match pieces {
        Pieces::Frames => frames,
        Pieces::Octets => octets().chunks(1).map(<[u8]>::to_vec).collect(),
        Pieces::Some(seed) => {
            let (octets, mut number, mut at) = (octets(), seed, 0);
            let mut cut = Vec::new();
            while at < octets.len() {
                number = number
                    .wrapping_mul(0x5851_f42d_4c95_7f2d)
                    .wrapping_add(0x1405_7b7e_f767_814f);
                // Short pieces and long ones.
                let length =
                    usize::try_from(number >> 40).expect("24 bits") % (1 << (number >> 60));
                let end = (at + length + 1).min(octets.len());
                cut.push(octets[at..end].to_vec());
                at = end;
            }
            cut
        }
    }
}

impl Vector {
    /// Whether nothing more is to come.
    fn is_decided(&self, heard: &Heard) -> bool {
        let stream = self.main_stream();
        heard.goaway.is_some()
            || self.expect != "close"
                && (heard.resets.contains_key(&stream) || heard.answers.contains_key(&stream))
    }

    fn judge(
        &self,
        authority: &str,
        heard: &Heard,
        is_decided: bool,
        seen: &[Seen],
    ) -> Result<(), String> {
        let stream = self.main_stream();
        let complete: Vec<&Seen> = seen.iter().filter(|seen| seen.is_complete).collect();
        for request in seen {
            request.is_plain(authority)?;
            let all = format!("{request:?}").to_lowercase();
            if let Some(text) = self.forbid.iter().find(|text| all.contains(*text)) {
                return Err(format!("`{text}` arrived"));
            }
        }
        let is_over = heard.goaway.is_some() || heard.closed;
        let answer = heard.answers.get(&stream);
        let is_refused = is_over || heard.resets.contains_key(&stream) || answer == Some(&false);
        let is_forwarded = answer == Some(&true) && complete.len() == 1;
        match self.expect.as_str() {
            "forward" if !is_forwarded => Err(format!("not forwarded: {heard:?}, {seen:?}")),
            "forward" => self.is_same(authority, complete[0]),
            // What comes before the main stream may be in order.
            "reject" | "close" if complete.len() > self.before_main_stream() => {
                Err(format!("it arrived complete: {seen:?}"))
            }
            "reject" if !is_refused => Err(format!("not refused: {heard:?}")),
            "close" if !is_over => Err(format!("not closed: {heard:?}")),
            "forward-or-reject" if self.accept_timeout => Ok(()),
            "forward-or-reject" if !is_decided => Err("silence".to_owned()),
            "forward-or-reject" if complete.len() > 1 => Err(format!("too many: {seen:?}")),
            "forward-or-reject" if complete.is_empty() && !is_refused => {
                Err(format!("neither: {heard:?}"))
            }
            _ => Ok(()),
        }
    }
}
