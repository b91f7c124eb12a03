//! The page, in files of its own: modules and styles as browsers take them, in the program itself.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Shared;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const PICTURE: &str = "image/svg+xml";

/// What there is: its path, its type, and itself.
const ALL: [(&str, &str, &str); 17] = [
    ("/", HTML, include_str!("assets/index.html")),
    ("/app.css", STYLE, include_str!("assets/app.css")),
    ("/icon.svg", PICTURE, include_str!("assets/icon.svg")),
    ("/api.js", SCRIPT, include_str!("assets/api.js")),
    ("/dom.js", SCRIPT, include_str!("assets/dom.js")),
    ("/empty.js", SCRIPT, include_str!("assets/empty.js")),
    ("/exchanges.js", SCRIPT, include_str!("assets/exchanges.js")),
    ("/list.js", SCRIPT, include_str!("assets/list.js")),
    ("/live.js", SCRIPT, include_str!("assets/live.js")),
    ("/main.js", SCRIPT, include_str!("assets/main.js")),
    ("/model.js", SCRIPT, include_str!("assets/model.js")),
    ("/overview.js", SCRIPT, include_str!("assets/overview.js")),
    ("/policy.js", SCRIPT, include_str!("assets/policy.js")),
    ("/sequence.js", SCRIPT, include_str!("assets/sequence.js")),
    ("/session.js", SCRIPT, include_str!("assets/session.js")),
    ("/story.js", SCRIPT, include_str!("assets/story.js")),
    ("/words.js", SCRIPT, include_str!("assets/words.js")),
];

pub(super) fn router() -> Router<Arc<Shared>> {
    let mut router = Router::new();
    for (path, kind, text) in ALL {
        router = router.route(path, get(async move || asset(kind, text)));
    }
    router
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
