// SPDX-License-Identifier: Apache-2.0

//! Kafka Connect, from the output topics to Postgres.
