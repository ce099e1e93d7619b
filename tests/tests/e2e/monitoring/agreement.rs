// SPDX-License-Identifier: Apache-2.0

//! Rules, their tests, the dashboards and the runbook fit together, and fit the program. Needs neither Kafka nor Prometheus.

use super::files::{
    alert_cases, alerts, dashboards, names_in, pages, panels, place, queries, recordings, text, word,
};
use cx_timelines_tests::run_to_end;
use edge::metrics::names::{ALL, Type, declared};
use model::Reason;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const INDEX: &str = "docs/runbook/README.md";

/// Every page of the runbook, with its text.
fn book() -> Vec<(String, String)> {
    let folders = ["docs/runbook/alerts", "docs/runbook/dead-letters"];
    let names = folders.iter().flat_map(|folder| {
        pages(folder).into_iter().map(move |page| format!("{folder}/{page}.md")).collect::<Vec<_>>()
    });
    names.chain([INDEX.to_owned()]).map(|name| (name.clone(), text(&name))).collect()
}

#[test]
fn every_alert_has_a_severity_a_text_and_a_page_of_its_name_and_no_page_is_without_an_alert() {
    let index = text(INDEX);
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = word(&alert, "alert").to_owned();
        let severity = word(&alert["labels"], "severity");
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        for field in ["summary", "description"] {
            assert!(word(&alert["annotations"], field).len() > 20, "{name}: {field}");
        }
        let page = format!("docs/runbook/alerts/{name}.md");
        assert_eq!(word(&alert["annotations"], "runbook_url"), page);
        let said = text(&page);
        assert!(said.contains(&format!("\nSeverity: {severity}.\n")), "{page}: its severity is {severity}");
        assert!(index.contains(&format!("| [{name}](alerts/{name}.md) | {severity} |")), "{name} in {INDEX}");
        assert!(names.insert(name.clone()), "{name} is there twice");
    }
    assert_eq!(names, pages("docs/runbook/alerts"));
}

#[test]
fn every_reason_of_a_dead_letter_has_a_page_and_no_page_is_without_a_reason() {
    let reasons: BTreeSet<String> = Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    assert_eq!(reasons, pages("docs/runbook/dead-letters"));
    let index = text(INDEX);
    for reason in reasons {
        assert!(index.contains(&format!("| [{reason}](dead-letters/{reason}.md) |")), "{reason} in {INDEX}");
    }
}

#[test]
fn every_page_says_what_it_means_how_to_see_it_and_what_to_do() {
    for (name, page) in book().iter().filter(|(name, _)| name != INDEX) {
        let parts: Vec<&str> = page.split("\n## ").collect();
        let titles: Vec<&str> = parts.iter().skip(1).map(|part| part.lines().next().unwrap()).collect();
        assert_eq!(titles, ["What it means", "How to see it", "What to do"], "{name}");
        for part in parts.iter().skip(1) {
            assert!(part.split_once('\n').unwrap().1.trim().len() > 20, "{name}: {part}");
        }
    }
}

#[test]
fn every_link_of_the_runbook_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#]+)(#[^)]*)?\)").unwrap();
    for (name, page) in book() {
        let folder = place(&name).parent().unwrap().to_owned();
        for found in link.captures_iter(&page) {
            assert!(folder.join(&found[1]).exists(), "{name}: {}", &found[1]);
        }
    }
}

/// The how-to pages, with their texts.
fn how_to() -> Vec<(String, String)> {
    let names = pages("docs/how-to").into_iter().map(|page| format!("docs/how-to/{page}.md"));
    names.map(|name| (name.clone(), text(&name))).collect()
}

#[test]
fn every_command_in_the_runbook_and_the_how_to_pages_exists_with_its_flags() {
    let command = Regex::new(r"(?m)(?:^|`)cx-timelines ([a-z][^`|#\n]*)").unwrap();
    let mut helps: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let mut checked = 0;
    for (name, page) in book().into_iter().chain(how_to()) {
        for found in command.captures_iter(&page) {
            let words: Vec<&str> = found[1].split_whitespace().collect();
            // The commands that have commands of their own.
            let depth =
                if ["dead-letters", "generate", "schemas", "topics"].contains(&words[0]) { 2 } else { 1 };
            let path: Vec<String> = words.iter().take(depth).map(|word| (*word).to_owned()).collect();
            let help = helps.entry(path).or_insert_with_key(|path| {
                let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
                arguments.push("--help");
                let answer = run_to_end(&arguments, b"");
                assert!(answer.status.success(), "{name}: there is no `cx-timelines {}`", path.join(" "));
                String::from_utf8(answer.stdout).unwrap()
            });
            let known: BTreeSet<&str> =
                help.split(|c: char| c.is_whitespace() || ",=[<".contains(c)).collect();
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(known.contains(flag), "{name}: `{}` has no {flag}", &found[1]);
            }
            checked += 1;
        }
    }
    assert!(checked >= 60, "only {checked} commands were found");
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let cases = alert_cases();
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = word(&alert, "alert").to_owned();
        for fires in [true, false] {
            assert!(cases.contains(&(name.clone(), fires)), "no case where {name} fires: {fires}");
        }
        names.insert(name);
    }
    // promtool passes a case of an alert that does not exist, as long as it is not to fire.
    assert!(cases.iter().all(|(name, _)| names.contains(name)), "{cases:?}");
}

/// The names under which a metric is found.
fn series_of((name, kind): (&str, Type)) -> Vec<String> {
    match kind {
        Type::Histogram => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).into(),
        Type::Counter | Type::Gauge => vec![name.to_owned()],
    }
}

/// Those of the edge, those that the processors declare, and those of the bridge.
fn metrics() -> impl Iterator<Item = (&'static str, Type)> {
    let of_pipeline = ALL.iter().copied().chain(folds::counters().into_iter().map(declared));
    of_pipeline.map(|metric| (metric.name, metric.kind)).chain(bridge::METRICS)
}

fn recorded_names() -> BTreeSet<String> {
    recordings().iter().map(|rule| word(rule, "record").to_owned()).collect()
}

#[test]
fn every_metric_that_rules_dashboards_and_runbook_name_is_there() {
    let mut known: BTreeSet<String> = metrics().flat_map(series_of).collect();
    known.extend(recorded_names());
    // What Prometheus makes of the job, and an alert's own words.
    let rules = ["recording", "alerts"].map(|name| format!("monitoring/rules/{name}.yml"));
    let tests = ["recording", "alerts"].map(|name| format!("monitoring/tests/{name}.yml"));
    let mut files: Vec<(String, String)> =
        rules.into_iter().chain(tests).map(|name| (name.clone(), text(&name))).collect();
    files.push(("the dashboards".to_owned(), all_queries().join("\n")));
    files.extend(book());
    for (name, text) in files {
        let unknown: Vec<String> = names_in(&text).into_iter().filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
}

#[test]
fn every_metric_has_a_row_in_the_reference() {
    let page = text("docs/reference/prometheus.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for (name, _) in metrics() {
        let cell = format!("`{name}`");
        assert!(rows.iter().any(|row| row.contains(&cell)), "docs/reference/prometheus.md: a row of {cell}");
    }
}

#[test]
fn every_metric_is_on_a_dashboard_and_every_recorded_figure_is_used() {
    let on_dashboards = names_in(&all_queries().join("\n"));
    let recorded: String = recordings().iter().map(|rule| word(rule, "expr").to_owned() + "\n").collect();
    let through_rules = names_in(&recorded);
    for metric in metrics() {
        let is_seen = |name: &String| on_dashboards.contains(name) || through_rules.contains(name);
        assert!(series_of(metric).iter().any(is_seen), "{}", metric.0);
    }
    let expressions: String = alerts().iter().map(|rule| word(rule, "expr").to_owned() + "\n").collect();
    let in_alerts = names_in(&expressions);
    for name in recorded_names() {
        let is_used = [&on_dashboards, &through_rules, &in_alerts].iter().any(|names| names.contains(&name));
        assert!(is_used, "{name}");
    }
}

fn all_queries() -> Vec<String> {
    let all = dashboards();
    let panels = all.iter().flat_map(|(_, dashboard)| panels(dashboard));
    panels.flat_map(queries).map(str::to_owned).collect()
}

#[test]
fn every_panel_says_what_it_shows_and_asks_only_for_the_chosen_job() {
    for ((name, dashboard), last) in dashboards().iter().zip(["instance", "queue", "instance"]) {
        let mut titles = BTreeSet::new();
        for panel in panels(dashboard) {
            let title = word(panel, "title");
            assert!(titles.insert(title), "{name}: {title} is there twice");
            assert!(word(panel, "description").ends_with('.'), "{name}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {title} has no unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
            for query in queries(panel) {
                assert!(query.contains(r#"job="$job""#), "{name}: {title}: {query}");
            }
        }
        let variables: Vec<&str> =
            dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| word(one, "name")).collect();
        assert_eq!(variables, ["datasource", "job", last], "{name}");
    }
    let ids: BTreeSet<String> =
        dashboards().iter().map(|(_, dashboard)| word(dashboard, "uid").to_owned()).collect();
    assert_eq!(ids.len(), dashboards().len());
}

/// The label `queue` has the names of an allow-list only; what is by queue shows no more than these.
#[test]
fn what_is_shown_by_queue_is_of_chosen_queues() {
    let mut by_queue = 0;
    for query in all_queries().iter().filter(|query| query.contains("queue)") || query.contains("job_queue:"))
    {
        assert!(query.contains(r#"queue=~"$queue""#), "{query}");
        by_queue += 1;
    }
    assert!(by_queue >= 8, "only {by_queue}");
}

#[test]
fn every_row_of_a_dashboard_that_the_runbook_names_is_there() {
    let all = dashboards();
    let panels = all.iter().flat_map(|(_, dashboard)| dashboard["panels"].as_array().unwrap());
    let rows: BTreeSet<&str> =
        panels.filter(|panel| panel["type"] == "row").map(|row| word(row, "title")).collect();
    let row = Regex::new(r"[Rr]ow\s+\*([^*]+)\*").unwrap();
    let mut named = 0;
    for (name, page) in book() {
        for found in row.captures_iter(&page) {
            assert!(rows.contains(&found[1]), "{name}: there is no row {}", &found[1]);
            named += 1;
        }
    }
    assert!(named >= 5, "only {named} rows were found");
}

#[test]
fn no_panel_lies_over_another_one_and_each_has_its_own_number() {
    for (name, dashboard) in dashboards() {
        let mut taken = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = word(panel, "title");
            assert!(numbers.insert(panel["id"].as_u64().unwrap()), "{name}: {title}");
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(side("x") + side("w") <= 24, "{name}: {title}");
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(taken.insert((x, y)), "{name}: {title} lies over another panel");
                }
            }
        }
    }
}

#[test]
fn what_grafana_is_provisioned_with_is_what_docker_compose_mounts() {
    let read = |name: &str| -> Value { serde_saphyr::from_str(&text(name)).unwrap() };
    let compose = read("docker-compose.yml");
    let mounts = |service: &str| -> BTreeMap<String, String> {
        let volumes = compose["services"][service]["volumes"].as_array().unwrap();
        let parts = volumes.iter().map(|volume| volume.as_str().unwrap().split(':').collect::<Vec<_>>());
        parts.map(|parts| (parts[1].to_owned(), parts[0].to_owned())).collect()
    };
    for (there, here) in mounts("prometheus").into_iter().chain(mounts("grafana")) {
        assert!(!here.starts_with("./") || place(&here).exists(), "{there}: there is no {here}");
    }
    let provisioning = "monitoring/grafana/provisioning";
    let source = &read(&format!("{provisioning}/datasources/prometheus.yml"))["datasources"][0];
    let port = compose["services"]["prometheus"]["ports"][0].as_str().unwrap().rsplit(':').next().unwrap();
    assert_eq!(word(source, "url"), format!("http://prometheus:{port}"));
    let folder = &read(&format!("{provisioning}/dashboards/cx-timelines.yml"))["providers"][0]["options"];
    let grafana = mounts("grafana");
    assert_eq!(grafana[word(folder, "path")], "./monitoring/grafana/dashboards");
    assert_eq!(grafana["/etc/grafana/provisioning"], format!("./{provisioning}"));
    let home =
        word(&compose["services"]["grafana"]["environment"], "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH");
    assert_eq!(home, format!("{}/cx-timelines.json", word(folder, "path")));
    // Prometheus finds its rules beside its configuration, and the program by its service's name.
    let scrape = read("monitoring/prometheus.yml");
    let prometheus = mounts("prometheus");
    assert_eq!(prometheus["/etc/prometheus/prometheus.yml"], "./monitoring/prometheus.yml");
    for file in scrape["rule_files"].as_array().unwrap() {
        assert!(file.as_str().unwrap().starts_with("rules/"), "{file}");
    }
    assert_eq!(prometheus["/etc/prometheus/rules"], "./monitoring/rules");
    let jobs = scrape["scrape_configs"].as_array().unwrap();
    let names: Vec<&str> = jobs.iter().map(|job| word(job, "job_name")).collect();
    // The rules know the pipeline's jobs and the bridges' by how their names begin.
    assert_eq!(names, ["cx-timelines", "cx-bridge"]);
    for job in jobs {
        let target = job["static_configs"][0]["targets"][0].as_str().unwrap();
        let (service, port) = target.split_once(':').unwrap();
        let ports = compose["services"][service]["ports"].as_array().unwrap();
        assert!(
            ports.iter().any(|published| published.as_str().unwrap().ends_with(&format!(":{port}"))),
            "{target}"
        );
    }
}
