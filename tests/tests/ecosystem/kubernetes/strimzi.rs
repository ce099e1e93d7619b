// SPDX-License-Identifier: Apache-2.0

//! Strimzi's resources, checked against the definitions that Strimzi itself generates.

use cx_timelines_tests::run_to_end;

use super::helm::{kubeconform, valid};

fn generated(flags: &[&str]) -> String {
    let output = run_to_end(&[&["generate", "strimzi", "--cluster", "main"][..], flags].concat(), b"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn strimzi_takes_the_topics_and_the_users() {
    let all = ["--users", "run,topics,load,look,replay,erase"];
    for (flags, users) in [
        (&[][..], 1),
        (&["--group", "CX_blue", "--namespace", "kafka", "--replication=-1"][..], 1),
        (&[&all[..], &["--authentication", "scram-sha-512"]].concat()[..], 6),
        (&[&all[..], &["--authentication", "tls-external"]].concat()[..], 6),
        (&[&all[..], &["--authentication", "none"]].concat()[..], 6),
    ] {
        let resources = generated(flags);
        assert_eq!(resources.matches("\nkind: KafkaUser\n").count(), users, "{flags:?}");
        let topics = resources.matches("\nkind: KafkaTopic\n").count();
        assert_eq!(topics, 15, "each that topics.yaml declares by name");
        assert_eq!(valid(&resources), (topics + users) as u64, "{flags:?}");
    }
    let resources = generated(&[]);
    for (right, wrong) in
        [("replicas: 3", "replicas: three"), ("type: simple", "type: opa"), ("  - Read", "  - Reed")]
    {
        assert!(resources.contains(right), "{right}");
        let (is_valid, said) = kubeconform(&resources.replacen(right, wrong, 1));
        assert!(!is_valid && said.contains("\"invalid\": 1"), "{wrong}: {said}");
    }
}

#[test]
fn a_name_that_kubernetes_does_not_take_is_refused_with_what_it_takes() {
    let output = run_to_end(&["generate", "strimzi", "--cluster", "Main_1"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a-z 0-9"));
}
