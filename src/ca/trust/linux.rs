//! Linux: the system's certificates, where the distribution keeps them.

use super::probe::Probe;
use super::{Roots, Step, Store, Subject, Words};

/// How a family of distributions takes certificates in.
struct Family {
    /// Where they are put.
    dir: &'static str,
    /// How their files end.
    ending: &'static str,
    /// What makes the bundle after one has come.
    install: &'static [&'static str],
    /// What makes the bundle after one has gone.
    uninstall: &'static [&'static str],
    /// The bundle.
    bundle: &'static str,
}

/// The first whose directory exists counts.
const FAMILIES: [Family; 4] = [
    // Fedora, Red Hat.
    Family {
        dir: "/etc/pki/ca-trust/source/anchors",
        ending: "pem",
        install: &["update-ca-trust", "extract"],
        uninstall: &["update-ca-trust", "extract"],
        bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    },
    // Debian, Ubuntu, Alpine.
    Family {
        dir: "/usr/local/share/ca-certificates",
        ending: "crt",
        install: &["update-ca-certificates"],
        uninstall: &["update-ca-certificates", "--fresh"],
        bundle: "/etc/ssl/certs/ca-certificates.crt",
    },
    // Arch.
    Family {
        dir: "/etc/ca-certificates/trust-source/anchors",
        ending: "crt",
        install: &["trust", "extract-compat"],
        uninstall: &["trust", "extract-compat"],
        bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    },
    // SUSE.
    Family {
        dir: "/usr/share/pki/trust/anchors",
        ending: "pem",
        install: &["update-ca-certificates"],
        uninstall: &["update-ca-certificates"],
        bundle: "/var/lib/ca-certificates/ca-bundle.pem",
    },
];

pub(super) fn steps(roots: &Roots, subject: &Subject) -> Vec<Step> {
    let family = FAMILIES.iter().find(|family| roots.at(family.dir).is_dir());
    family
        .map(|family| family.step(roots, subject))
        .into_iter()
        .collect()
}

impl Family {
    fn step(&self, roots: &Roots, subject: &Subject) -> Step {
        let dir = roots.at(self.dir);
        let file = dir.join(format!("{}.{}", subject.name(), self.ending));
        let to = file.display().to_string();
        let put = Words::new(["install", "-m", "0644", &subject.argument(), &to]);
        let remove = Words::new(["rm", "-f", &to]);
        let update = Words::of;
        Step {
            store: Store::System,
            place: format!("the system's certificates ({})", dir.display()),
            install: vec![put.writing_to(&dir), update(self.install).writing_to(&dir)],
            uninstall: vec![
                remove.writing_to(&dir),
                update(self.uninstall).writing_to(&dir),
            ],
            probe: Probe::file(file, roots.at(self.bundle), subject),
        }
    }
}
