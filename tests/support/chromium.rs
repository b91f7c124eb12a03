//! A Chromium that tests start by themselves, as somebody's own.

/// Without a window, as root, and asking for nothing that it is not told to. It needs a profile of its own.
pub const ALONE: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
];
