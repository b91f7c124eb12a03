//! macOS: the user's login keychain, which needs no superuser.

use super::probe::Probe;
use super::{Roots, Step, Store, Subject, Words};

pub(super) fn steps(roots: &Roots, subject: &Subject) -> Vec<Step> {
    let keychain = roots.home.join("Library/Keychains/login.keychain-db");
    let keychain = keychain.display().to_string();
    let file = subject.argument();
    let add = [
        "security",
        "add-trusted-cert",
        "-r",
        "trustRoot",
        "-p",
        "ssl",
        "-k",
        &keychain,
        &file,
    ];
    // With -t the settings of trust go too.
    let delete = [
        "security",
        "delete-certificate",
        "-Z",
        &subject.sha256,
        "-t",
        &keychain,
    ];
    let find = [
        "security",
        "find-certificate",
        "-a",
        "-Z",
        "-c",
        "corstap development CA",
        &keychain,
    ];
    vec![Step {
        store: Store::System,
        place: "your login keychain (macOS asks for your password)".to_owned(),
        install: vec![Words::new(add)],
        uninstall: vec![Words::new(delete)],
        probe: Probe::Command {
            words: Words::new(find),
            fingerprint: subject.sha256.clone(),
            trust: None,
        },
    }]
}
