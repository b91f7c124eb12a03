//! Words and files: what is told of exchanges, to people and to programs.

pub mod catalogue;
pub mod console;
pub mod explain;
pub mod har;
pub mod lint;
pub mod offline;
pub mod paper;
pub mod pasted;
pub mod readable;
pub mod record;
pub mod replay;
pub mod text;
