//! HAR files: whatever is in them is read or refused, judged, told and written.
#![no_main]

mod told;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| told::tell(data));
