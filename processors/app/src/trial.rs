// SPDX-License-Identifier: Apache-2.0

//! The one door to the crate `sandbox`: generated conversations for `demo` and `bench`, and the temporary Kafka of `demo`.

pub use sandbox::conversations::{
    AgentState, Conversations, Disorder, Options, Planned, Roster, Size, disturb,
};
pub use sandbox::kafka::{self, Kafka};
pub use sandbox::peak_memory_bytes;
