//! How servers are reached, as it is typed: upstream proxies, client certificates, certificates
//! that pass unverified.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{corstap, stderr};

fn run(home: &Path, arguments: &[&str]) -> Command {
    let mut command = corstap(home);
    command
        .args(["run", "--listen", "127.0.0.1:0"])
        .args(arguments);
    command
}

/// The first lines of what is said at the start.
fn greeting(mut command: Command) -> String {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("run");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let greeting: Vec<String> = lines.map_while(Result::ok).take(4).collect();
    child.kill().expect("killed");
    child.wait().expect("ended");
    greeting.join("\n")
}

/// What is said of a start that is refused.
fn refusal(mut command: Command) -> String {
    let output = command.output().expect("run");
    assert_eq!(output.status.code(), Some(2));
    stderr(&output)
}

#[test]
fn the_proxy_of_the_environment_is_named_at_the_start_and_its_password_is_not() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = run(home.path(), &[]);
    command
        .env("HTTPS_PROXY", "http://user:hunter2@proxy.example:3128")
        .env("http_proxy", "other.example");
    let told = greeting(command);
    let named = "Servers are reached through the proxy proxy.example:3128 or other.example:80, but for this machine";
    assert!(told.contains(named) && !told.contains("hunter2"), "{told}");
    let mut command = run(home.path(), &["--upstream-proxy", "none"]);
    command.env("HTTPS_PROXY", "socks5://proxy.example");
    let told = greeting(command);
    assert!(!told.contains("through the proxy"), "{told}");
    let mut command = run(home.path(), &["--upstream-proxy", "http://u:p@mine:1"]);
    command.env("HTTPS_PROXY", "socks5://proxy.example");
    let told = greeting(command);
    assert!(told.contains("through the proxy mine:1, but"), "{told}");
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_without_telling_its_password() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = run(home.path(), &[]);
    command.env("ALL_PROXY", "socks5://user:hunter2@proxy.example");
    assert_eq!(
        refusal(command),
        "corstap: ALL_PROXY: socks5:// proxies are not supported, only http:// ones. To do without: corstap run \
         --upstream-proxy none\n"
    );
    let given = ["--upstream-proxy", "http://user:hunter2@pro xy"];
    let told = refusal(run(home.path(), &given));
    assert!(
        told.contains("--upstream-proxy: it is not a proxy's URL, as in")
            && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn hosts_that_are_not_verified_are_named_at_each_start() {
    let home = tempfile::tempdir().expect("a directory");
    let given = [
        "--upstream-insecure",
        "a.test",
        "--upstream-insecure",
        "10.0.0.1",
    ];
    let told = greeting(run(home.path(), &given));
    let named = "The certificates of these servers are NOT verified: a.test, *.a.test, 10.0.0.1.";
    assert!(told.contains(named), "{told}");
    assert!(!greeting(run(home.path(), &[])).contains("NOT verified"));
    for everything in ["*", "*.", ""] {
        let told = refusal(run(home.path(), &["--upstream-insecure", everything]));
        assert!(
            told.contains("--upstream-insecure: ") && told.contains("is not a host"),
            "{told}"
        );
    }
}

#[test]
fn client_certificates_that_cannot_be_shown_are_refused_with_the_reason() {
    let home = tempfile::tempdir().expect("a directory");
    let one = rcgen::generate_simple_self_signed(["me".to_owned()]).expect("made");
    let other = rcgen::generate_simple_self_signed(["me".to_owned()]).expect("made");
    let write = |name: &str, text: &str| {
        fs::write(home.path().join(name), text).expect("written");
        home.path().join(name).display().to_string()
    };
    let certificate = write("me.pem", &one.cert.pem());
    let key = write("key.pem", &one.signing_key.serialize_pem());
    let both = write(
        "both.pem",
        &(one.cert.pem() + &one.signing_key.serialize_pem()),
    );
    let others = write("other.pem", &other.signing_key.serialize_pem());
    let encrypted = write(
        "locked.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    for (given, reason) in [
        (
            "me.pem".to_owned(),
            "is not HOST=FILE.pem or HOST=CERTIFICATE.pem,KEY.pem",
        ),
        (format!("*={both}"), "`*` is not a host"),
        (format!("a.test={key}"), "key.pem holds no PEM certificate"),
        (
            format!("a.test={certificate}"),
            "me.pem holds no PEM private key",
        ),
        (
            format!("a.test={certificate},{others}"),
            "does not belong to the first certificate in",
        ),
        (
            format!("a.test={certificate},{encrypted}"),
            "locked.pem is encrypted; decrypt it: openssl pkey",
        ),
        (
            format!("a.test={certificate},/nowhere"),
            "cannot read /nowhere",
        ),
    ] {
        let told = refusal(run(home.path(), &["--client-cert", &given]));
        assert!(told.contains(reason), "{given}: {told}");
    }
    for given in [
        format!("a.test={both}"),
        format!("a.test={certificate},{key}"),
    ] {
        let told = greeting(run(home.path(), &["--client-cert", &given]));
        assert!(told.starts_with("corstap listens on"), "{told}");
    }
}
