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

/// What there is: its path, its type, and itself.
const ALL: [(&str, &str, &str); 6] = [
    ("/", HTML, include_str!("assets/page.html")),
    ("/page.css", STYLE, include_str!("assets/page.css")),
    ("/page.js", SCRIPT, include_str!("assets/page.js")),
    ("/session.js", SCRIPT, include_str!("assets/session.js")),
    ("/live.js", SCRIPT, include_str!("assets/live.js")),
    ("/list.js", SCRIPT, include_str!("assets/list.js")),
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
