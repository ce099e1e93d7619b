// SPDX-License-Identifier: Apache-2.0

//! A real browser, driven by chromedriver as the WebDriver standard has it. The little that is needed of it is here: the
//! crates for it bring a second HTTP client and old versions of half the dependencies with them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use cx_timelines_tests::wait_until;
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";

/// A window of a browser. It closes when this is dropped.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub(crate) fn open() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing; on Debian: apt-get install chromium chromium-driver");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .filter_map(|line| {
                Some(line.split_once("started successfully on port ")?.1.trim_end_matches('.').to_owned())
            })
            .next()
            .expect("chromedriver says its port");
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1500,1300",
            &folder,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {"browserName": "chrome",
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let base = format!("http://127.0.0.1:{port}/session");
        let id = call("POST", &base, &wanted)["sessionId"].as_str().unwrap().to_owned();
        Self { driver, session: format!("{base}/{id}"), _profile: profile }
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        call("POST", &format!("{}/{command}", self.session), body)
    }

    pub(crate) fn go(&self, url: &str) {
        self.post("url", &json!({"url": url}));
    }

    /// What a script returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []}))
    }

    /// The text that a reader sees of the first element that a selector finds.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.run(&format!("return document.querySelector({})?.innerText ?? ''", json!(selector)));
        text.as_str().unwrap().to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&self, expression: &str) {
        wait_until(expression, TIMEOUT, || {
            (self.run(&format!("return Boolean({expression})")) == true).then_some(())
        });
    }

    /// Presses keys, one after the other, on whatever has the focus.
    pub(crate) fn press(&self, keys: &[&str]) {
        let strokes: Vec<Value> = keys
            .iter()
            .flat_map(|key| {
                [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
            })
            .collect();
        self.post("actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]}));
    }

    /// Types a text.
    pub(crate) fn type_text(&self, text: &str) {
        let keys: Vec<String> = text.chars().map(String::from).collect();
        self.press(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Shows the page in a `light` or `dark` colour scheme.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        let command = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.post("goog/cdp/execute", &command);
    }

    /// Shows the page in a browser with the time zone UTC.
    pub(crate) fn in_utc(&self) {
        let command = json!({"cmd": "Emulation.setTimezoneOverride", "params": {"timezoneId": "UTC"}});
        self.post("goog/cdp/execute", &command);
    }

    /// Lets no download become a file.
    pub(crate) fn refuse_downloads(&self) {
        let command = json!({"cmd": "Browser.setDownloadBehavior", "params": {"behavior": "deny"}});
        self.post("goog/cdp/execute", &command);
    }

    /// What the browser has complained of.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", &json!({"type": "browser"}));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The window as a picture: PNG in base 64.
    pub(crate) fn picture(&self) -> String {
        call("GET", &format!("{}/screenshot", self.session), &Value::Null).as_str().unwrap().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes the browser with its session.
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn call(method: &str, url: &str, body: &Value) -> Value {
    let answer = match method {
        "GET" => ureq::get(url).config().http_status_as_error(false).build().call(),
        _ => ureq::post(url).config().http_status_as_error(false).build().send(body.to_string()),
    };
    let text = answer.unwrap().body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer["value"]["error"].is_null(), "{url}: {}", answer["value"]);
    answer["value"].clone()
}
