//! Bodies of `unifi`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tailgate_fuzz::body("unifi", bytes));
