// SPDX-License-Identifier: Apache-2.0

//! Names of resources: Kubernetes takes fewer characters than Kafka.

/// The longest name that is kept; Kubernetes takes 253 characters, and a difference follows.
const KEPT: usize = 240;

/// The resource's name for a name of Kafka: the same where Kubernetes takes it, else with `-` for other characters and a hash, so
/// that two names stay two.
pub(super) fn resource(name: &str) -> String {
    if is_taken(name) {
        return name.to_owned();
    }
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || c == '.' => c,
        _ => '-',
    };
    // A part between dots begins and ends with a letter or a digit.
    let parts: Vec<String> = name
        .split('.')
        .map(|part| part.chars().map(plain).collect::<String>().trim_matches('-').to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let kept: String = parts.join(".").chars().take(KEPT).collect();
    let kept = kept.trim_end_matches(['-', '.']);
    let hash = hash(name);
    if kept.is_empty() { format!("cx-{hash:08x}") } else { format!("{kept}-{hash:08x}") }
}

/// Whether it is a name of Kubernetes (a subdomain of RFC 1123).
fn is_taken(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_part = |part: &str| {
        let ends = part.bytes().next().into_iter().chain(part.bytes().last());
        !part.is_empty()
            && ends.into_iter().all(is_inner)
            && part.bytes().all(|byte| is_inner(byte) || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_part)
}

/// FNV-1a of 32 bits: it must be the same in every version.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_kubernetes_takes_stays() {
        for name in ["cx.events", "cx-timelines-changelog", "a", "0.1"] {
            assert_eq!(resource(name), name);
        }
    }

    #[test]
    fn any_other_becomes_one_that_it_takes_and_two_stay_two() {
        let long = "x".repeat(249);
        let others = [
            "CX_events",
            "cx_events",
            "Cx.Events",
            "-a-",
            ".",
            "_",
            "a..b",
            "a.-b",
            &format!("{long}_"),
            &long,
        ];
        let names: std::collections::BTreeSet<String> = others.iter().map(|name| resource(name)).collect();
        assert_eq!(names.len(), others.len(), "{names:?}");
        for name in &names {
            assert!(is_taken(name), "{name}");
        }
        assert_eq!(resource("CX_events"), "cx-events-a73b4396");
    }
}
