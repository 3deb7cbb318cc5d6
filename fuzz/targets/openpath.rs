//! Bodies of `openpath`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tailgate_fuzz::body("openpath", bytes));
