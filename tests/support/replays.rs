//! Many replays at once, and all that went wrong in them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many run at a time.
const AT_ONCE: usize = 8;

/// Runs all of them, each under its name, and lists everything that went wrong.
pub async fn all_pass<R>(replays: impl IntoIterator<Item = (String, R)>)
where
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (name, replay) in replays {
        let permits = Arc::clone(&permits);
        running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            replay.await.map_err(|wrong| format!("{name}: {wrong}"))
        });
    }
    let done = running.join_all().await;
    let mut wrong: Vec<String> = done.into_iter().filter_map(Result::err).collect();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
