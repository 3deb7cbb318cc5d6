//! The mapper of any JSON, with maps that are made up too.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tailgate_fuzz::generic(bytes));
