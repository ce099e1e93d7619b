//! The live page, and the description of the API: files that are part of the program. They hold no data, so nobody is asked
//! for a token; the page asks its reader for it where the API wants one.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::{Api, OPENAPI, problem};

const HTML: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/page.css");
/// One file of the page's script, as the browser asks for it.
const SCRIPTS: [(&str, &str); 5] = [
    ("/page/main.js", include_str!("page/main.js")),
    ("/page/api.js", include_str!("page/api.js")),
    ("/page/dom.js", include_str!("page/dom.js")),
    ("/page/list.js", include_str!("page/list.js")),
    ("/page/timeline.js", include_str!("page/timeline.js")),
];

/// `/`, what it needs, and `/api/openapi.json`.
pub(crate) fn routes() -> Router<Api> {
    let mut routes = Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", HTML)))
        .route("/page/page.css", get(|| file("text/css; charset=utf-8", STYLE)))
        .route("/api/openapi.json", get(|| file("application/json", OPENAPI)));
    for (path, script) in SCRIPTS {
        routes = routes.route(path, get(move || file("text/javascript; charset=utf-8", script)));
    }
    routes.method_not_allowed_fallback(problem::not_allowed)
}

async fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, content_type)], text)
}
