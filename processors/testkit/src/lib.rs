//! For tests only: event factory, task driver, the store's contract.
