//! Commands for curl, run for real: by two shells with a curl that tells its arguments, and with curl
//! itself against a server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use corstap::report::paper::curl::script;

use crate::papers::{entry, failures, har_of, sources};

/// Values as shells, and curl, read them otherwise.
const ODD: &[&str] = &[
    "'; touch hacked; '",
    "\"$(touch hacked)\"",
    "`touch hacked`",
    "$(touch hacked)",
    "${IFS}touch${IFS}hacked",
    "a\\' \\\\ \\n",
    "!! !x",
    "@/etc/passwd",
    "-o hacked",
    "--output hacked",
    "; touch hacked #",
    "* ? [a-z] {a,b} ~",
    "tab\there",
    "\u{1b}[31m\u{7f}\u{9b}",
    "caf\u{e9} \u{ff}",
    "% %s %00 \\044",
    "&& touch hacked ||",
    "> hacked",
    "<hacked",
    "",
];

/// What goes out for a value: its octets.
fn octets(value: &str) -> Vec<u8> {
    value
        .chars()
        .map(|character| u8::try_from(character).expect("Latin-1"))
        .collect()
}

fn commands(base: &str) -> (String, Vec<Vec<u8>>) {
    let mut lines = vec![
        ("Origin", "https://app.test"),
        ("User-Agent", "Mozilla/5.0 Chrome/156.0"),
    ];
    // Fields whose values are known to be harmless come through as they are.
    lines.extend(ODD.iter().map(|odd| ("Accept", *odd)));
    let url = format!("{base}/a'b\"c$(touch%20hacked)`d`;e\\f{{g,h}}[1-9]?-x=&@y");
    let entries = [entry("GET", &url, &lines, 200, &[])];
    let script = script(&failures(&sources(&har_of(&entries))));
    let wanted = lines.iter().map(|(name, value)| {
        let value = octets(value);
        if value.is_empty() {
            format!("{name};").into_bytes()
        } else {
            [name.as_bytes(), b": ", &value].concat()
        }
    });
    (script, wanted.collect())
}

/// Runs a script in a directory where its curl is, if any.
fn run(shell: &str, script: &str, dir: &Path, path: &str) {
    fs::write(dir.join("script"), script).expect("written");
    let mut command = Command::new(shell);
    command
        .arg("script")
        .current_dir(dir)
        .env_clear()
        .env("PATH", path);
    let output = command.stdin(Stdio::null()).output().expect("run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shell}: {told}\n{script}");
    assert!(!dir.join("hacked").exists(), "{shell}: {script}");
}

#[test]
fn shells_pass_on_what_stands_there_and_run_nothing() {
    let (script, wanted) = commands("https://api.test");
    for shell in ["/bin/sh", "/bin/bash", "/bin/dash"] {
        if !Path::new(shell).exists() {
            continue;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let curl = dir.path().join("curl");
        fs::write(&curl, "#!/bin/sh\nprintf '%s\\0' \"$@\" >> arguments\n").expect("written");
        fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).expect("set");
        let path = format!("{}:/usr/bin:/bin", dir.path().display());
        run(shell, &script, dir.path(), &path);
        let arguments = fs::read(dir.path().join("arguments")).expect("told");
        let arguments: Vec<&[u8]> = arguments.split(|octet| *octet == 0).collect();
        let told = arguments
            .windows(2)
            .filter(|pair| pair[0] == b"--header")
            .map(|pair| pair[1].to_vec());
        let told: Vec<Vec<u8>> = told.collect();
        assert_eq!(told, wanted, "{shell}");
        let url = arguments
            .windows(2)
            .find(|pair| pair[0] == b"--url")
            .expect("a URL")[1];
        assert!(url.starts_with(b"https://api.test/a") && url.is_ascii());
    }
}

#[test]
fn curl_sends_the_fields_of_the_browser() {
    if !Path::new("/usr/bin/curl").exists() {
        eprintln!("SKIPPED: there is no curl (scripts/servers installs it)");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("asked");
        let (mut head, mut octet) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).is_ok_and(|read| read > 0) {
            head.push(octet[0]);
        }
        let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        stream.write_all(answer).expect("answered");
        head
    });
    let (script, wanted) = commands(&format!("http://{address}"));
    let dir = tempfile::tempdir().expect("a directory");
    run("/bin/sh", &script, dir.path(), "/usr/bin:/bin");
    let head = serving.join().expect("served");
    let lines: Vec<&[u8]> = head
        .split(|octet| *octet == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .collect();
    for field in wanted {
        let line = match field.strip_suffix(b";") {
            Some(name) if !name.contains(&b' ') => [name, b":"].concat(),
            _ => field.trim_ascii_end().to_vec(),
        };
        let said = String::from_utf8_lossy(&line).into_owned();
        assert!(
            lines.contains(&line.as_slice()),
            "{said}\n{}",
            String::from_utf8_lossy(&head)
        );
    }
    let first = String::from_utf8_lossy(lines[0]).into_owned();
    assert!(
        first.starts_with("GET /a") && first.ends_with("HTTP/1.1"),
        "{first}"
    );
}
