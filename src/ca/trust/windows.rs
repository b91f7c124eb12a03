//! Windows: the user's own root store, which Chromium, Edge and Firefox read.

use super::probe::Probe;
use super::{Step, Store, Subject, Words};

pub(super) fn steps(subject: &Subject) -> Vec<Step> {
    let (file, sha1) = (subject.argument(), &subject.sha1);
    let add = ["certutil.exe", "-user", "-addstore", "Root", &file];
    let delete = ["certutil.exe", "-user", "-delstore", "Root", sha1];
    let find = ["certutil.exe", "-user", "-store", "Root", sha1];
    vec![Step {
        store: Store::System,
        place: "your root certificates (Windows asks whether you mean it)".to_owned(),
        install: vec![Words::new(add)],
        uninstall: vec![Words::new(delete)],
        probe: Probe::Command {
            words: Words::new(find),
            fingerprint: sha1.clone(),
            trust: None,
        },
    }]
}
