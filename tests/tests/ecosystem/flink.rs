// SPDX-License-Identifier: Apache-2.0

//! Flink SQL on the output topics.
