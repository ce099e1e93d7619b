// SPDX-License-Identifier: Apache-2.0

//! `cx-timelines bridge`: events from ActiveMQ to Kafka.
