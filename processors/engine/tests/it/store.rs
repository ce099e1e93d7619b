// SPDX-License-Identifier: Apache-2.0

//! The stores of the engine keep the stores' contract.

#[test]
fn the_memory_store_keeps_the_contract() {
    testkit::store_contract(|| Box::new(engine::MemoryStore::default()));
}
