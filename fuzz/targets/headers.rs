//! Headers, paths and signatures.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tailgate_fuzz::headers(bytes));
