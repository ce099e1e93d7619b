// SPDX-License-Identifier: Apache-2.0

//! `cx-timelines generate`: documents and code made of topics.yaml and the schemas.
