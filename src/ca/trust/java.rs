//! Java: the store of the one that `JAVA_HOME` names.

use std::path::Path;

use super::probe::Probe;
use super::{Platform, Roots, Step, Store, Subject, Words};

/// Where it is, newer versions first.
const CACERTS: [&str; 2] = ["lib/security/cacerts", "jre/lib/security/cacerts"];

/// The password that everybody knows: it guards nothing.
const PASSWORD: &str = "changeit";

pub(super) fn steps(platform: Platform, roots: &Roots, subject: &Subject) -> Vec<Step> {
    let Some(home) = &roots.java_home else {
        return Vec::new();
    };
    let keytool = match platform {
        Platform::Linux | Platform::MacOs => home.join("bin/keytool"),
        Platform::Windows => home.join("bin/keytool.exe"),
    };
    let mut stores = CACERTS.iter().map(|path| home.join(path));
    let store = stores.find(|path| path.is_file());
    store
        .map(|store| step(&keytool, &store, subject))
        .into_iter()
        .collect()
}

fn step(keytool: &Path, store: &Path, subject: &Subject) -> Step {
    let (tool, keystore) = (keytool.display().to_string(), store.display().to_string());
    let (name, file) = (subject.name(), subject.argument());
    let add = [
        &tool,
        "-importcert",
        "-noprompt",
        "-trustcacerts",
        "-alias",
        &name,
        "-file",
        &file,
        "-keystore",
        &keystore,
        "-storepass",
        PASSWORD,
    ];
    let delete = [
        &tool,
        "-delete",
        "-alias",
        &name,
        "-keystore",
        &keystore,
        "-storepass",
        PASSWORD,
    ];
    let list = [
        &tool,
        "-list",
        "-alias",
        &name,
        "-keystore",
        &keystore,
        "-storepass",
        PASSWORD,
    ];
    Step {
        store: Store::Java,
        place: format!("Java ({keystore})"),
        install: vec![Words::new(add).writing_to(store)],
        uninstall: vec![Words::new(delete).writing_to(store)],
        probe: Probe::Command {
            words: Words::new(list),
            fingerprint: subject.sha256.clone(),
            trust: None,
        },
    }
}
