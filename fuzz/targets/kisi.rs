//! Bodies of `kisi`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tailgate_fuzz::body("kisi", bytes));
