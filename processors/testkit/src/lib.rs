//! For tests only: events to feed, a driver for the real task, the contract that every store has to pass.

mod cluster;
mod driver;
mod events;
mod store_contract;

pub use cluster::Letter;
pub use driver::Driver;
pub use events::EventFactory;
pub use store_contract::store_contract;
