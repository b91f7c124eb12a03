//! The trust stores: what is put there comes out again, and nothing else is touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use corstap::ca::trust::{Platform, Roots, Step, Subject, plan};
use corstap::ca::{DevCa, HostList};

use super::{corstap, stderr, stdout};

/// A home with the stores of a Chromium and of three Firefox profiles.
struct Home {
    dir: tempfile::TempDir,
    java: PathBuf,
}

const STORES: [&str; 4] = [
    ".pki/nssdb",
    ".mozilla/firefox/a1.default-release",
    ".mozilla/firefox/b2.work",
    "snap/firefox/common/.mozilla/firefox/c3.default",
];

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for store in STORES {
            let store = dir.path().join(store);
            fs::create_dir_all(&store).expect("made");
            let store = format!("sql:{}", store.display());
            let made = tool("certutil", &["-N", "--empty-password", "-d", &store]);
            assert!(made.status.success(), "{}", stderr(&made));
        }
        fs::create_dir(dir.path().join(".mozilla/firefox/Crash Reports")).expect("made");
        let java = dir.path().join("java");
        Self { dir, java }
    }

    /// The same with a Java, which takes its time.
    fn with_java() -> Self {
        let home = Self::new();
        let cacerts = home.java.join("lib/security/cacerts");
        fs::create_dir_all(cacerts.parent().expect("one")).expect("made");
        fs::create_dir(home.java.join("bin")).expect("made");
        let keytool = home.java.join("bin/keytool");
        std::os::unix::fs::symlink(which("keytool"), keytool).expect("linked");
        home.keytool(&[
            "-genkeypair",
            "-alias",
            "other",
            "-dname",
            "CN=other",
            "-keyalg",
            "EC",
        ]);
        home
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn keytool(&self, arguments: &[&str]) -> String {
        let cacerts = self.java.join("lib/security/cacerts");
        let cacerts = cacerts.to_str().expect("text");
        let mut all = arguments.to_vec();
        all.extend(["-keystore", cacerts, "-storepass", "changeit"]);
        stdout(&tool("keytool", &all))
    }

    fn ca(&self, arguments: &[&str]) -> Output {
        let mut command = corstap(self.path());
        command
            .env("PATH", std::env::var_os("PATH").expect("one"))
            .env("JAVA_HOME", &self.java)
            .arg("ca")
            .args(arguments);
        command.output().expect("run")
    }

    /// `ca install` or the like, for all stores but the system's.
    fn own(&self, verb: &str) -> String {
        let done = self.ca(&[verb, "--stores", "nss,java"]);
        assert_eq!(
            done.status.code(),
            Some(0),
            "{}{}",
            stdout(&done),
            stderr(&done)
        );
        stdout(&done)
    }

    /// What is in the stores, as their own tools tell.
    fn lists(&self) -> String {
        let mut all = String::new();
        for store in STORES {
            let store = format!("sql:{}", self.path().join(store).display());
            all.push_str(&stdout(&tool("certutil", &["-L", "-d", &store])));
        }
        if self.java.exists() {
            all.push_str(&self.keytool(&["-list"]));
        }
        all
    }
}

fn tool(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}; scripts/test installs it"))
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("one");
    let mut dirs = std::env::split_paths(&path).map(|dir| dir.join(program));
    let found = dirs.find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{program} is not installed"))
}

#[test]
fn what_is_installed_everywhere_is_gone_everywhere_afterwards() {
    let home = Home::with_java();
    let before = home.lists();
    let told = home.own("install");
    let commands = told.lines().filter(|line| line.starts_with("    $ "));
    assert_eq!(commands.count(), 5, "{told}");
    assert!(
        told.contains("Firefox (snap), profile c3.default"),
        "{told}"
    );
    let during = home.lists();
    assert_eq!(during.matches("C,,").count(), 4, "{during}");
    assert_eq!(during.matches("trustedCertEntry").count(), 1, "{during}");

    let again = home.own("install");
    assert_eq!(again.matches("trusted already").count(), 5, "{again}");
    assert!(!again.contains("$ "), "{again}");
    assert_eq!(home.lists(), during);

    let removed = home.own("uninstall");
    assert_eq!(removed.matches("    removed").count(), 5, "{removed}");
    assert_eq!(home.lists(), before);
    let again = home.own("uninstall");
    assert_eq!(again.matches("not there").count(), 5, "{again}");
}

#[test]
fn trust_that_was_taken_back_is_given_again() {
    let home = Home::new();
    home.own("install");
    let store = format!("sql:{}", home.path().join(STORES[0]).display());
    let listed = stdout(&tool("certutil", &["-L", "-d", &store]));
    let name = listed
        .split_whitespace()
        .find(|word| word.starts_with("corstap-"));
    let name = name.expect("it is there");
    tool("certutil", &["-M", "-d", &store, "-n", name, "-t", ",,"]);
    let told = home.own("install");
    assert_eq!(told.matches("trusted already").count(), 3, "{told}");
    let listed = stdout(&tool("certutil", &["-L", "-d", &store]));
    assert!(listed.contains("C,,"), "{listed}");
}

#[test]
fn a_ca_that_was_replaced_goes_from_the_stores_with_the_next_one() {
    let home = Home::new();
    let before = home.lists();
    home.own("install");
    let old = home.lists();
    let told = stdout(&home.ca(&["rotate"]));
    assert!(told.contains("corstap ca install"), "{told}");
    // On one day both have one subject: stores must tell them apart all the same.
    home.own("install");
    let new = home.lists();
    assert_eq!(
        new.matches("corstap-").count(),
        old.matches("corstap-").count()
    );
    assert_ne!(new, old);
    // What is forgotten only where everything is gone, is not yet: system stores were left out.
    home.ca(&["rotate"]);
    home.own("uninstall");
    assert_eq!(home.lists(), before);
}

#[test]
fn a_dry_run_tells_the_commands_and_runs_none() {
    let home = Home::new();
    let before = home.lists();
    let told = stdout(&home.ca(&["install", "--dry-run", "--stores", "nss"]));
    assert!(
        told.starts_with("Nothing is changed (--dry-run).\n"),
        "{told}"
    );
    assert_eq!(
        told.matches("    $ certutil -A -d sql:").count(),
        4,
        "{told}"
    );
    assert!(!told.contains("keytool"), "{told}");
    assert_eq!(home.lists(), before);
    home.own("install");
    let told = stdout(&home.ca(&["uninstall", "--dry-run", "--stores", "nss"]));
    assert_eq!(
        told.matches("    $ certutil -D -d sql:").count(),
        4,
        "{told}"
    );
}

#[test]
fn a_store_that_cannot_be_changed_is_named_with_what_to_do_and_the_others_are_changed() {
    let home = Home::with_java();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("made");
    let mut command = corstap(home.path());
    command
        .env("PATH", &bin)
        .env("JAVA_HOME", &home.java)
        .args(["ca", "install", "--stores", "nss,java"]);
    let done = command.output().expect("run");
    assert_eq!(done.status.code(), Some(2));
    let told = stdout(&done);
    assert_eq!(
        told.matches("FAILED: certutil is not installed").count(),
        4,
        "{told}"
    );
    assert!(told.contains("apt-get install libnss3-tools"), "{told}");
    assert!(told.contains("4 of 5 steps failed"), "{told}");
    assert!(home.keytool(&["-list"]).contains("trustedCertEntry"));
}

#[test]
fn a_ca_for_every_host_is_not_trusted_unasked() {
    let home = Home::new();
    home.ca(&["rotate", "--any-host"]);
    let before = home.lists();
    let refused = home.ca(&["install", "--stores", "nss,java"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("can sign for every host"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(home.lists(), before);
    let asked = home.ca(&["install", "--stores", "nss", "--any-host"]);
    assert_eq!(asked.status.code(), Some(0), "{}", stderr(&asked));
}

#[test]
fn wrong_words_are_refused_with_the_right_ones() {
    let home = Home::new();
    let odd = home.ca(&["install", "--stores", "firefox"]);
    assert_eq!(odd.status.code(), Some(2));
    assert!(
        stderr(&odd).contains("[possible values: system, nss, java]"),
        "{}",
        stderr(&odd)
    );
    let none = home.ca(&["uninstall"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("there is no CA in"),
        "{}",
        stderr(&none)
    );
}

/// Puts the system's store back as it was, whatever happens.
struct SystemStore {
    home: Home,
}

impl Drop for SystemStore {
    fn drop(&mut self) {
        self.home.ca(&["uninstall", "--stores", "system"]);
    }
}

#[test]
fn the_systems_store_takes_it_and_gives_it_back() {
    let dir = Path::new("/usr/local/share/ca-certificates");
    let bundle = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if !rustix::process::geteuid().is_root() || !dir.is_dir() || !bundle.is_file() {
        // Only root may, and other families of Linux keep theirs elsewhere.
        return;
    }
    let system = SystemStore { home: Home::new() };
    let verify = |subject: &Subject| {
        let file = subject.file.to_str().expect("text");
        tool(
            "openssl",
            &["verify", "-CApath", "/etc/ssl/certs", "-no-CAfile", file],
        )
    };
    let installed = system.home.ca(&["install", "--stores", "system"]);
    assert_eq!(installed.status.code(), Some(0), "{}", stdout(&installed));
    let ca = system.home.path().join(".local/share/corstap/ca/ca.pem");
    let subject = Subject::read(&ca).expect("a certificate");
    assert!(verify(&subject).status.success());
    let pem = fs::read_to_string(&ca).expect("there");
    let is_in = || {
        fs::read_to_string(bundle)
            .expect("there")
            .contains(pem.trim())
    };
    assert!(is_in());
    let again = stdout(&system.home.ca(&["install", "--stores", "system"]));
    assert!(again.contains("trusted already"), "{again}");

    let removed = system.home.ca(&["uninstall", "--stores", "system"]);
    assert_eq!(removed.status.code(), Some(0), "{}", stdout(&removed));
    assert!(!is_in() && !verify(&subject).status.success());
    assert!(!dir.join(format!("{}.crt", subject.name())).exists());
}

/// The table of a platform, with the directories of this test taken out.
fn table(platform: Platform, dirs: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |path: &str| dir.path().join(path.trim_start_matches('/'));
    for made in dirs {
        fs::create_dir_all(at(made)).expect("made");
        if made.contains("profile") || made.contains("nssdb") {
            fs::write(at(made).join("cert9.db"), "").expect("written");
        }
    }
    fs::create_dir_all(at("java/lib/security")).expect("made");
    fs::write(at("java/lib/security/cacerts"), "").expect("written");
    let dev = DevCa::open(&at("ca"), &HostList::development(), "me@here").expect("made");
    let subject = Subject::read(&dev.certificate_file).expect("a certificate");
    let roots = Roots {
        root: dir.path().to_owned(),
        home: at("home"),
        java_home: Some(at("java")),
    };
    let lines = plan(platform, &roots, &subject)
        .iter()
        .map(told)
        .collect::<String>();
    let sha1 = lines
        .split("Root ")
        .nth(2)
        .and_then(|rest| rest.split_whitespace().next());
    let lines = sha1.map_or(lines.clone(), |sha1| lines.replace(sha1, "SHA1"));
    lines
        .replace(dir.path().to_str().expect("text"), "")
        .replace(subject.sha256(), "SHA256")
        .replace(&subject.name(), "corstap-NAME")
}

fn told(step: &Step) -> String {
    let list = |sign: &str, words: &[corstap::ca::trust::Words]| -> String {
        let lines = words.iter().map(|words| format!("  {sign} {words}\n"));
        lines.collect::<Vec<_>>().concat()
    };
    format!(
        "{}\n{}{}",
        step.place,
        list("+", &step.install),
        list("-", &step.uninstall)
    )
}

#[test]
fn each_platform_has_its_commands() {
    let fedora = table(Platform::Linux, &["/etc/pki/ca-trust/source/anchors"]);
    let debian = table(
        Platform::Linux,
        &[
            "/usr/local/share/ca-certificates",
            "home/.pki/nssdb",
            "home/.mozilla/firefox/a.profile",
        ],
    );
    let arch = table(
        Platform::Linux,
        &["/etc/ca-certificates/trust-source/anchors"],
    );
    let suse = table(Platform::Linux, &["/usr/share/pki/trust/anchors"]);
    let mac = table(
        Platform::MacOs,
        &["home/Library/Application Support/Firefox/Profiles/a.profile"],
    );
    let windows = table(Platform::Windows, &[]);
    let all = [
        ("Fedora", fedora),
        ("Debian", debian),
        ("Arch", arch),
        ("SUSE", suse),
        ("macOS", mac),
        ("Windows", windows),
    ];
    let all = all.map(|(name, table)| format!("## {name}\n{table}\n"));
    insta::assert_snapshot!(all.concat());
}
