// SPDX-License-Identifier: Apache-2.0

//! `cx-timelines export`: topics as Parquet files.
