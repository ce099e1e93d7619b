// SPDX-License-Identifier: Apache-2.0

use super::*;

fn errors(text: &str) -> Vec<String> {
    read::config(text, "g", None).err().unwrap_or_default()
}

#[test]
fn the_built_in_file_is_valid() {
    let config = read::config(BUILT_IN, "cx-timelines", None).unwrap();
    assert_eq!(config.exact_inputs(), ["cx.events"]);
    assert_eq!(config.name_of(Role::Changelog), "cx-timelines-changelog");
    assert_eq!(config.name_of(Role::Repartition), "cx-timelines-repartition");
    assert!(config.published().contains(&"cx.timelines") && config.published().contains(&"cx.dead-letters"));
    assert_eq!(config.folds, folds::Settings::default());
    let declared: std::collections::BTreeSet<&str> =
        config.processors.iter().map(|processor| processor.name.as_str()).collect();
    assert_eq!(declared, folds::NAMES.into_iter().collect(), "each processor is declared");
    assert_eq!(config.conversation_of("cx.conversation.own.topic-1"), Some("own.topic-1"));
    assert_eq!(config.conversation_of("cx.events"), None);
    assert!(config.is_input("cx.conversation.x") && !config.is_input("cx.activities"));
}

#[test]
fn two_groups_have_two_changelogs() {
    let config = read::config(BUILT_IN, "other", None).unwrap();
    assert_eq!(config.name_of(Role::Changelog), "other-changelog");
}

#[test]
fn all_errors_come_at_once_each_with_its_place() {
    let found = errors(
        "topics:\n  - {name: cx.events, role: inputt, partition: 8}\n  - {name: 'bad name', role: output}\n  \
         - {pattern: 'x(', role: input}\n  - {name: a, role: output, retention: 7, cleanup: none}\n  - 5\n\
         processors:\n  activities: {reads: [nowhere], writes: []}\n  activites: {}\ncommit: {interval: 0ms}\nextra: 1\n",
    );
    for place in [
        "topics[0].role",
        "topics[0].partition",
        "topics[1].name",
        "topics[2].pattern",
        "topics[3].retention",
        "topics[3].cleanup",
        "topics[4]",
        "processors.activities.reads",
        "processors.activites",
        "commit.interval",
        "extra",
    ] {
        assert!(found.iter().any(|error| error.starts_with(&format!("{place}:"))), "{place} in {found:#?}");
    }
}

#[test]
fn windows_have_a_sensible_size_each_once_and_are_kept_until_they_are_full() {
    let found = |metrics: &str| {
        let standard = BUILT_IN.find("\nmetrics:").unwrap();
        let after = BUILT_IN[standard + 1..].find("\n\n").unwrap() + standard + 1;
        errors(&format!("{}\nmetrics: {metrics}\n{}", &BUILT_IN[..standard], &BUILT_IN[after..]))
    };
    assert_eq!(found("{windows: [15m, 1h, 1d], service_level: 30s, retention: 400d}"), Vec::<String>::new());
    assert_eq!(found("{windows: [10s], longest_span: 2d}"), Vec::<String>::new());
    let zones = "{windows: [15m, {size: 1d, timezone: Asia/Karachi}, {size: 7d, timezone: Europe/Berlin, week_start: sunday}]}";
    assert_eq!(found(zones), Vec::<String>::new());
    let all = "{windows: [1ms, {size: 2d}], queues: {web: x}, longest_span: 1s, more: 1}";
    let places = ["windows[0]:", "windows[1].size:", "queues.web:", "longest_span:", "more:"];
    for place in places {
        assert!(found(all).iter().any(|error| error.starts_with(&format!("metrics.{place}"))), "{place}");
    }
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("q{n}")).collect();
        format!("{{prometheus_queues: [{}]}}", names.join(", "))
    };
    let too_many = many(101);
    assert_eq!(found(&many(100)), Vec::<String>::new());
    for (metrics, place) in [
        ("{longest_span: 1s}", "metrics.longest_span: is not between 1m and 366d"),
        (
            "{windows: [1s, 15m]}",
            "metrics.longest_span: one stay of 604800 s would be spread over up to 605476 windows of the sizes in metrics.windows",
        ),
        ("{windows: []}", "metrics.windows: name at least one"),
        ("{windows: [15m, 900s]}", "metrics.windows[1]: is there already"),
        ("{windows: [10ms]}", "metrics.windows[0]: is not between"),
        ("{windows: [15]}", "metrics.windows[0]: expected a length, as in 15m, or size and timezone"),
        ("{windows: [{size: 1d}]}", "metrics.windows[0]: needs a `timezone`"),
        ("{windows: [{timezone: UTC}]}", "metrics.windows[0]: needs a `size`: 1d or 7d"),
        ("{windows: [{size: 2d, timezone: UTC}]}", "metrics.windows[0].size: \"2d\" is none of: 1d, 7d"),
        (
            "{windows: [15m, {size: 1d, timezone: Asia/Karaci}]}",
            "metrics.windows[1].timezone: \"Asia/Karaci\" is no time zone of the IANA database; write for example",
        ),
        (
            "{windows: [{size: 1d, timezone: UTC, week_start: monday}]}",
            "metrics.windows[0].week_start: goes with size 7d only",
        ),
        (
            "{windows: [{size: 7d, timezone: UTC, week_start: mo}]}",
            "metrics.windows[0].week_start: \"mo\" is none of",
        ),
        (
            "{windows: [{size: 7d, timezone: UTC}, {size: 7d, timezone: UTC, week_start: sunday}]}",
            "metrics.windows[1]: is there already",
        ),
        ("{windows: [{size: 1d, zone: UTC}]}", "metrics.windows[0].zone: unknown key"),
        ("{windows: [{size: 7d, timezone: UTC}], retention: 6d}", "metrics.retention: is shorter"),
        ("{queues: [web]}", "metrics.queues: expected names of queues"),
        ("{queues: {web: 30}}", "metrics.queues.web: expected a time, as in 30s, found a number"),
        ("{queues: {web: soon}}", "metrics.queues.web: "),
        ("{queues: {web: {}}}", "metrics.queues.web: needs a `service_level`"),
        (
            "{queues: {web: {service_levle: 1s}}}",
            "metrics.queues.web.service_levle: unknown key; did you mean",
        ),
        ("{prometheus_queues: web}", "metrics.prometheus_queues: expected a list, found text"),
        (
            "{prometheus_queues: [web, 7]}",
            "metrics.prometheus_queues[1]: expected a queue's name, found a number",
        ),
        ("{prometheus_queues: [web, mail, web]}", "metrics.prometheus_queues[2]: is there already"),
        ("{prometheus_queues: [\"\"]}", "metrics.prometheus_queues[0]: a queue's name has 1 to 512 bytes"),
        (&too_many, "metrics.prometheus_queues: 101 queues are more than 100"),
        ("{windows: [1d], retention: 1h}", "metrics.retention: is shorter"),
        ("{service_levle: 20s}", "metrics.service_levle: unknown key; did you mean `service_level`?"),
    ] {
        let found = found(metrics);
        assert!(found.iter().any(|error| error.starts_with(place)), "{place} in {found:#?}");
    }
}

#[test]
fn a_queue_may_have_a_service_level_of_its_own() {
    let text = BUILT_IN.replace(
        "  service_level: 20s\n",
        "  service_level: 25s\n  queues: {web: 30s, \"Sales/EU\": {service_level: 1m}}\n",
    );
    let folds = read::config(&text, "g", None).unwrap().folds;
    assert_eq!(folds.service_level_ms, 25_000);
    let levels = [("Sales/EU".to_owned(), 60_000), ("web".to_owned(), 30_000)];
    assert_eq!(folds.service_levels_ms, levels.into());
}

#[test]
fn the_queues_that_prometheus_sees_are_listed_and_by_default_there_are_none() {
    let of = |text: &str| read::config(text, "g", None).unwrap().folds.prometheus_queues;
    assert_eq!(of(BUILT_IN), Vec::<String>::new());
    let text = BUILT_IN
        .replace("  service_level: 20s\n", "  service_level: 20s\n  prometheus_queues: [web, Sales/EU]\n");
    assert_eq!(of(&text), ["web", "Sales/EU"]);
}

#[test]
fn a_subscription_is_the_beginning_that_all_names_of_a_pattern_share() {
    for (pattern, subscription) in [
        (r"^cx\.conversation\.(?<conversation>.+)$", r"^cx\.conversation\..*"),
        (r"^chat-(?<conversation>\d+)$", "^chat-.*"),
        (r"^cx\.x?(?<conversation>.+)$", r"^cx\..*"),
        (r"^(a|b)\.(?<conversation>.+)$", "^.*"),
        (r"^a(?<conversation>.+)|b$", "^.*"),
    ] {
        let text = BUILT_IN.replace(r"^cx\.conversation\.(?<conversation>.+)$", pattern);
        let config = read::config(&text.replace("cx.", "other."), "g", None);
        let subscriptions = config.map(|config| config.subscriptions());
        let expected = subscription.replace("cx.", "other.");
        assert_eq!(subscriptions.unwrap_or_default(), [expected.as_str()], "{pattern}");
    }
}

#[test]
fn limits_of_time_are_read_and_bounded() {
    let with =
        |text: &str| read::config(&BUILT_IN.replace("  idle: 7d\n", &format!("  idle: {text}\n")), "g", None);
    assert_eq!(with("400d").unwrap().folds.limits.idle_ms, 400 * 86_400_000);
    for wrong in ["1s", "40000d", "7"] {
        let found = with(wrong).unwrap_err();
        assert!(found.iter().any(|error| error.starts_with("expiry.idle: ")), "{found:#?}");
    }
}

#[test]
fn how_far_events_may_be_ahead_is_read_and_bounded_and_the_file_says_the_default() {
    let built_in = read::config(BUILT_IN, "g", None).unwrap();
    assert_eq!(built_in.limits, model::Limits::default());
    assert_eq!(built_in.limits.ahead_max_ms, 24 * 3_600_000);
    let with = |text: &str| {
        read::config(&BUILT_IN.replace("  ahead: 24h\n", &format!("  ahead: {text}\n")), "g", None)
    };
    assert_eq!(with("5m").unwrap().limits.ahead_max_ms, 300_000);
    for wrong in ["1s", "40000d", "24"] {
        let found = with(wrong).unwrap_err();
        assert!(found.iter().any(|error| error.starts_with("limits.ahead: ")), "{found:#?}");
    }
}

#[test]
fn the_times_of_alerts_are_read_and_the_file_says_what_is_the_default() {
    let with = |text: &str| {
        let (before, rest) = BUILT_IN.split_once("\nalerts:\n").unwrap();
        let (_, after) = rest.split_once("\n\n").unwrap();
        read::config(&format!("{before}\nalerts: {text}\n{after}"), "g", None)
            .map(|config| config.folds.alerts)
    };
    let default = folds::alerts::AlertSettings::default();
    assert_eq!(read::config(BUILT_IN, "g", None).unwrap().folds.alerts, default);
    assert_eq!(with("{}"), Ok(default));
    let all = "{customer_inactive: 5m, agent_response: 30s, agent_response_warning: 50%, queue_wait: off, left_open: false, \
               units: seconds, grace: 0s}";
    let expected = folds::alerts::AlertSettings {
        customer_inactive_ms: Some(300_000),
        agent_response_ms: Some(30_000),
        response_warning_percent: 50,
        queue_wait_ms: None,
        left_open_ms: None,
        units: folds::alerts::AlertUnits::Seconds,
        grace_ms: 0,
    };
    assert_eq!(with(all), Ok(expected));
    for (wrong, place) in [
        ("{queue_wait: 10}", "alerts.queue_wait: "),
        ("{queue_wait: 1ms}", "alerts.queue_wait: is not between"),
        ("{agent_response_warning: 100%}", "alerts.agent_response_warning: "),
        ("{agent_response_warning: 0.8}", "alerts.agent_response_warning: "),
        ("{units: minutes}", "alerts.units: "),
        ("{grace: 2d}", "alerts.grace: "),
        ("{left_opne: 1h}", "alerts.left_opne: unknown key; did you mean `left_open`?"),
    ] {
        let found = with(wrong).unwrap_err();
        assert!(found.iter().any(|error| error.starts_with(place)), "{place} in {found:#?}");
    }
}

/// Each number of the file, one that is too small and one that is too large where there is a bound, and the bounds.
#[test]
fn every_number_that_is_out_of_range_says_its_range() {
    let cases = [
        ("partitions: 8", "partitions: 99999999", "topics[0].partitions", "from 1 to 100000"),
        ("partitions: 8", "partitions: 100001", "topics[0].partitions", "from 1 to 100000"),
        ("partitions: 8", "partitions: 0", "topics[0].partitions", "from 1 to 100000"),
        ("partitions: 8", "partitions: -1", "topics[0].partitions", "from 1 to 100000"),
        ("partitions: 8", "partitions: 8.5", "topics[0].partitions", "from 1 to 100000"),
        ("partitions: 8", "partitions: 1e99", "topics[0].partitions", "from 1 to 100000"),
        ("retention: 7d", "retention: 999999999999d", "topics[0].retention", "106751991167d or less"),
        ("windows: [15m]", "windows: [1ms]", "metrics.windows[0]", "between 1s and 366d"),
        ("windows: [15m]", "windows: [367d]", "metrics.windows[0]", "between 1s and 366d"),
        (
            "service_level: 20s",
            "service_level: 999999999999d",
            "metrics.service_level",
            "106751991167d or less",
        ),
        (
            "  retention: 90d\n\n# A customer",
            "  retention: 1ms\n\n# A customer",
            "metrics.retention",
            "900000ms or more",
        ),
        (
            "# customers:\n#   retention: 365d",
            "customers:\n  retention: 6d",
            "customers.retention",
            "between 604800000ms and 36500d",
        ),
        (
            "# customers:\n#   retention: 365d",
            "customers:\n  retention: 40000d",
            "customers.retention",
            "and 36500d",
        ),
        ("agent_response: 2m", "agent_response: 1ms", "alerts.agent_response", "between 1s and 366d"),
        ("agent_response: 2m", "agent_response: 400d", "alerts.agent_response", "between 1s and 366d"),
        ("left_open: 1h", "left_open: 999999999999d", "alerts.left_open", "106751991167d or less"),
        ("warning: 80%", "warning: 0%", "alerts.agent_response_warning", "1% to 99%"),
        ("warning: 80%", "warning: 100%", "alerts.agent_response_warning", "1% to 99%"),
        ("grace: 2s", "grace: 25h", "alerts.grace", "24h"),
        ("waiting: 24h", "waiting: 1s", "expiry.waiting", "between 1m and 36500d"),
        ("waiting: 24h", "waiting: 40000d", "expiry.waiting", "between 1m and 36500d"),
        ("forgotten: 30d", "forgotten: 0ms", "expiry.forgotten", "between 1m and 36500d"),
        ("value: 1MiB", "value: 0B", "limits.value", "between 1B and 16MiB"),
        ("value: 1MiB", "value: 17MiB", "limits.value", "between 1B and 16MiB"),
        ("value: 1MiB", "value: 99999999999GiB", "limits.value", "8589934591GiB or less"),
        ("activity: 4MiB", "activity: 0B", "limits.activity", "between 1B and 16MiB"),
        ("activity: 4MiB", "activity: 17MiB", "limits.activity", "between 1B and 16MiB"),
        ("ahead: 24h", "ahead: 1s", "limits.ahead", "between 1m and 36500d"),
        ("ahead: 24h", "ahead: 40000d", "limits.ahead", "between 1m and 36500d"),
        ("# conversation: 100000", "conversation: 0", "limits.conversation", "between 1 and "),
        ("# conversation: 100000", "conversation: 99999999999", "limits.conversation", "between 1 and "),
        ("# longest_span: 7d", "longest_span: 1s", "metrics.longest_span", "between 1m and 366d"),
        ("# longest_span: 7d", "longest_span: 367d", "metrics.longest_span", "between 1m and 366d"),
        ("interval: 100ms", "interval: 0ms", "commit.interval", "between 1ms and 60000ms"),
        ("interval: 100ms", "interval: 61s", "commit.interval", "between 1ms and 60000ms"),
        ("bytes: 16MiB", "bytes: 1B", "commit.bytes", "between 64KiB and 1GiB"),
        ("bytes: 16MiB", "bytes: 2GiB", "commit.bytes", "between 64KiB and 1GiB"),
        ("timeout: 10s", "timeout: 1ms", "transaction.timeout", "between 1000ms and 900000ms"),
        ("timeout: 10s", "timeout: 1h", "transaction.timeout", "between 1000ms and 900000ms"),
    ];
    for (standard, other, place, range) in cases {
        assert!(BUILT_IN.contains(standard), "topics.yaml has no {standard:?}");
        let found = errors(&BUILT_IN.replacen(standard, other, 1));
        let said = found.iter().find(|error| error.starts_with(&format!("{place}: ")));
        assert!(said.is_some_and(|error| error.contains(range)), "{other}: {range} in {found:#?}");
    }
}

#[test]
fn an_unknown_key_comes_with_the_nearest_known_one() {
    let found = errors(&BUILT_IN.replace("processors:", "procesors:"));
    assert!(found.iter().any(|error| error.contains("did you mean `processors`?")), "{found:#?}");
}

#[test]
fn a_key_given_twice_is_an_error() {
    assert!(!errors(&format!("{BUILT_IN}\nprocessors: {{}}\n")).is_empty());
}

#[test]
fn a_pattern_needs_its_capture_and_its_beginning() {
    let with = |pattern: &str| errors(&BUILT_IN.replace(r"^cx\.conversation\.(?<conversation>.+)$", pattern));
    assert!(with("^x.+$").iter().any(|error| error.contains("(?<conversation>")));
    assert!(with("x(?<conversation>.+)").iter().any(|error| error.contains("begin with ^")));
}

#[test]
fn declarations_that_would_lose_records_are_errors() {
    let compacted = errors(&BUILT_IN.replace("cleanup: delete", "cleanup: compact"));
    assert_eq!(
        compacted.iter().filter(|error| error.contains("would lose records")).count(),
        4,
        "{compacted:#?}"
    );
    let matched = errors(&BUILT_IN.replace("cx.activities", "cx.conversation.activities"));
    assert!(matched.iter().any(|error| error.contains("matches an input pattern")), "{matched:#?}");
    let limits =
        errors(&BUILT_IN.replace("value: 1MiB", "value: 900MiB").replace("bytes: 16MiB", "bytes: 0B"));
    assert_eq!(limits.len(), 2, "{limits:#?}");
}

#[test]
fn a_topic_that_would_not_take_its_records_is_an_error_that_says_how_many_bytes_it_has_to_take() {
    let small =
        "      # A conversation with many agents, visits and wrap-ups.\n      max.message.bytes: 16777216\n";
    assert!(BUILT_IN.contains(small));
    let found = errors(&BUILT_IN.replace(small, ""));
    let [error] = found.as_slice() else { panic!("{found:#?}") };
    let config = read::config(BUILT_IN, "g", None).unwrap();
    let summaries = config.topics.iter().find(|topic| topic.exact() == Some("cx.conversations")).unwrap();
    let needed = config.needed_bytes(summaries).unwrap();
    assert!(error.starts_with("topics[5] (cx.conversations): "), "{error}");
    assert!(error.contains(&format!("write settings: max.message.bytes: {needed} or more")), "{error}");
}

#[test]
fn limits_with_which_records_are_larger_than_the_client_sends_are_an_error() {
    let found =
        errors(&BUILT_IN.replace("  activity: 4MiB", "  activity: 16MiB").replace("16777216", "99999999"));
    assert_eq!(found, Vec::<String>::new());
    let found = errors(&BUILT_IN.replace("  value: 1MiB", "  value: 16MiB").replace("16777216", "99999999"));
    assert!(found.iter().any(|error| error.contains("the client sends 33554432 at most")), "{found:#?}");
}

#[test]
fn the_size_of_the_records_of_each_topic_follows_from_the_limits() {
    let config = read::config(BUILT_IN, "g", None).unwrap();
    let smaller = read::config(&BUILT_IN.replace("  activity: 4MiB", "  activity: 1MiB"), "g", None).unwrap();
    for (topic, other) in config.topics.iter().zip(&smaller.topics) {
        let (needed, less) = (config.needed_bytes(topic), smaller.needed_bytes(other));
        assert_eq!(
            needed.is_none(),
            matches!(topic.role, Role::Input | Role::AgentStates | Role::Erasures),
            "{}",
            topic.name
        );
        let depends = matches!(topic.exact(), Some("cx.activities" | "cx.conversations" | "cx.bot-training"));
        assert_eq!(needed != less, depends, "{}", topic.name);
    }
}

#[test]
fn an_output_nobody_declared_is_an_error() {
    let found = errors(&BUILT_IN.replace("writes: [cx.activities]", "writes: [cx.activity]"));
    assert!(found.iter().any(|error| error.contains("cx.activity is not declared")), "{found:#?}");
}

#[test]
fn avro_is_refused_as_long_as_it_is_not_there() {
    let found = errors(&BUILT_IN.replace("format: json", "format: avro"));
    assert!(found.iter().any(|error| error.contains("format")), "{found:#?}");
}

#[test]
fn a_named_file_that_is_not_there_is_an_error() {
    let error = Config::load(Some(Path::new("/nowhere/topics.yaml")), "g", None).unwrap_err();
    assert!(error.to_string().contains("/nowhere/topics.yaml"));
}

/// The built-in file with these topics as Avro, and this section at its end.
fn with_avro(topics: &[&str], section: &str) -> String {
    let mut text = BUILT_IN.to_owned();
    for topic in topics {
        let begin = text.find(&format!("- name: {topic}\n")).unwrap();
        let format = begin + text[begin..].find("format: json").unwrap();
        text.replace_range(format..format + "format: json".len(), "format: avro");
    }
    text + section
}

#[test]
fn a_topic_is_avro_where_there_is_a_registry() {
    let section = "\nschema_registry: {url: 'http://127.0.0.1:8080/apis/ccompat/v7', subjects: topic-record, register: false, \
                   ca_file: ca.pem, credentials_file: secret}\n";
    let config = read::config(&with_avro(&["cx.events", "cx.activities"], section), "g", None).unwrap();
    assert!(
        config.is_avro("cx.events") && config.is_avro("cx.activities") && !config.is_avro("cx.timelines")
    );
    let registry = config.registry.unwrap();
    assert_eq!(registry.urls, ["http://127.0.0.1:8080/apis/ccompat/v7"]);
    assert_eq!((registry.subjects, registry.register), (avro::SubjectStrategy::TopicRecord, false));
    let flag = Some("https://a/x,https://b/x");
    let config = read::config(&with_avro(&["cx.audit"], ""), "g", flag).unwrap().registry.unwrap();
    assert_eq!(
        (config.urls.len(), config.subjects, config.register),
        (2, avro::SubjectStrategy::Topic, true)
    );
}

#[test]
fn avro_without_a_registry_and_all_that_is_wrong_with_one_is_said_at_once() {
    let found = errors(&with_avro(&["cx.events", "cx.activities", "cx.dead-letters"], ""));
    assert_eq!(found.iter().filter(|error| error.contains("--schema-registry")).count(), 2, "{found:#?}");
    assert!(found.iter().any(|error| error.contains("only inputs and outputs")), "{found:#?}");
    let section = "\nschema_registry: {url: [here, 'https://ann:secret@r'], subjects: names, register: maybe, regsiter: true}\n";
    let found = errors(&with_avro(&[], section));
    for place in
        ["url: write an address", "url: holds a user", "subjects: ", "register: ", "regsiter: unknown key"]
    {
        let place = format!("schema_registry.{place}");
        assert!(found.iter().any(|error| error.starts_with(&place)), "{place} in {found:#?}");
    }
    assert!(found.iter().all(|error| !error.contains("secret")), "{found:#?}");
    let two = with_avro(&["cx.audit"], "").replace("writes: [cx.activities]", "writes: [cx.audit]");
    let found = read::config(&two, "g", Some("http://r")).unwrap_err();
    assert!(found.iter().any(|error| error.contains("both write cx.audit")), "{found:#?}");
}

#[test]
fn dead_letters_have_headers_of_other_programs_only_where_it_says_so() {
    let headers = |section: &str| {
        read::config(&format!("{BUILT_IN}{section}"), "g", None).map(|config| config.letter_headers)
    };
    assert_eq!(headers("").unwrap(), engine::LetterHeaders::default());
    let both = engine::LetterHeaders { streams: true, connect: true };
    assert_eq!(headers("\ndead_letters: {headers: [connect, streams]}\n").unwrap(), both);
    let found = headers("\ndead_letters: {headers: [streams, spring], header: []}\n").unwrap_err();
    assert_eq!(
        found,
        [
            "dead_letters.headers[1]: \"spring\" is none of: streams, connect; cx.error.* is always there",
            "dead_letters.header: unknown key; did you mean `headers`?"
        ]
    );
}
