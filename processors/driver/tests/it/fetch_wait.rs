// SPDX-License-Identifier: Apache-2.0

//! When a commit waits for records that the client has not fetched yet.

use std::time::Duration;

use driver::{Answer, EndOffset, Pace};

use super::cluster::Cluster;

#[test]
fn a_commit_waits_once_for_records_that_exist_but_are_not_fetched_yet() {
    let mut cluster = Cluster::live(EndOffset { stable: 100, is_drained: false });
    cluster.deliver(0);
    assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), Some(Pace::default().busy), "99 more records exist");
    cluster.deliver(1);
    assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), Some(Pace::default().busy), "98 more records exist");
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), None, "none came");
}

#[test]
fn the_commit_interval_bounds_the_wait_for_the_fetch() {
    let mut cluster = Cluster::live(EndOffset { stable: 100, is_drained: false });
    cluster.deliver(0);
    assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
    cluster.now.elapsed += Duration::from_millis(100);
    cluster.answer(Answer::NoRecord);
    assert_eq!(cluster.poll_timeout(), None);
}

#[test]
fn a_commit_does_not_wait_where_nothing_is_left_to_read() {
    for end in [EndOffset { stable: 1, is_drained: false }, EndOffset { stable: 100, is_drained: true }] {
        let mut cluster = Cluster::live(end);
        cluster.deliver(0);
        assert_eq!(cluster.poll_timeout(), Some(Duration::ZERO));
        cluster.answer(Answer::NoRecord);
        assert_eq!(cluster.poll_timeout(), None);
    }
}
