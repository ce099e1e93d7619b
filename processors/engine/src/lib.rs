//! Topology, tasks, staged transactions, stores and time: the pure part of the pipeline's engine.
