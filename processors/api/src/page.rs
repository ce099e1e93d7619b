// SPDX-License-Identifier: Apache-2.0

//! The live page and the OpenAPI description, as embedded files. They contain no data and need no token; the page asks the user
//! for the API's token when it needs one.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::{Api, OPENAPI, problem};

const HTML: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/page.css");
/// The page's scripts, by path.
const SCRIPTS: [(&str, &str); 13] = [
    ("/page/main.js", include_str!("page/main.js")),
    ("/page/api.js", include_str!("page/api.js")),
    ("/page/dom.js", include_str!("page/dom.js")),
    ("/page/list.js", include_str!("page/list.js")),
    ("/page/names.js", include_str!("page/names.js")),
    ("/page/timeline.js", include_str!("page/timeline.js")),
    ("/page/reports.js", include_str!("page/reports.js")),
    ("/page/tables.js", include_str!("page/tables.js")),
    ("/page/kpis.js", include_str!("page/kpis.js")),
    ("/page/charts.js", include_str!("page/charts.js")),
    ("/page/csv.js", include_str!("page/csv.js")),
    ("/page/explain.js", include_str!("page/explain.js")),
    ("/page/repeats.js", include_str!("page/repeats.js")),
];

/// `/`, its files, and `/api/openapi.json`.
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
