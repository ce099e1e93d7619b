//! For tests only: events to feed, a driver for the real task, the contract that every store has to pass.

mod driver;
mod events;
mod store_contract;

pub use driver::{Driver, Letter};
pub use events::EventFactory;
pub use store_contract::store_contract;
