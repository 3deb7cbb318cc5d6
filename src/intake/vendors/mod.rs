//! One file a vendor: from raw bytes to access events.
