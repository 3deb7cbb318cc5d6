//! Bodies of `verkada`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tailgate_fuzz::body("verkada", bytes));
