// SPDX-License-Identifier: Apache-2.0

//! Headers of every output record (contract section 10).

/// Header of every output record: the processor that wrote it.
pub const HEADER_PROCESSOR: &str = "cx.processor";
/// Header of every output record: name and version of its schema.
pub const HEADER_SCHEMA: &str = "cx.schema";
