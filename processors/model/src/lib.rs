//! Contact-centre events in, records out: the contract's types and codecs, without I/O.
