//! Everything that touches the outside: Kafka, disk, HTTP, metrics.
