//! The stored CA: made on first use, loaded ever after.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::issuer::{self, Unusable};
use super::{Ca, Error, HostList};
use crate::private::{Locked, PrivateDir};

/// The key and, in the same file, its certificate: so that there is never one without the other.
const KEY_FILE: &str = "ca-key.pem";
/// The certificate alone, for those who are to trust it.
const CERTIFICATE_FILE: &str = "ca.pem";
/// How the names of certificates begin that were in its place before, and may still be trusted.
const FORMER: &str = "former-";
/// The certificates of the platform together with ours, for programs that read one file only.
const BUNDLE_FILE: &str = "bundle.pem";

/// The development CA in its directory.
#[derive(Debug)]
pub struct DevCa {
    /// The CA.
    pub ca: Ca,
    /// Where its certificate lies, for those who are to trust it.
    pub certificate_file: PathBuf,
    /// Whether it was made just now.
    pub is_new: bool,
}

impl DevCa {
    /// Loads the CA of a directory, or makes one for `hosts` if there is none. Two processes that
    /// do so at once get the same.
    pub fn open(dir: &Path, hosts: &HostList, owner: &str) -> Result<Self, Error> {
        let dir = PrivateDir::open(dir)?;
        if let Some(found) = Self::published(&dir)? {
            return Ok(found);
        }
        let lock = dir.lock()?;
        let is_new = dir.read(KEY_FILE)?.is_none();
        if is_new {
            store(&lock, &Ca::generate(hosts.clone(), owner)?)?;
        }
        Self::publish(&lock, &dir, is_new)
    }

    /// Loads the CA of a directory; nothing if there is none.
    pub fn find(dir: &Path) -> Result<Option<Self>, Error> {
        if !dir.exists() {
            return Ok(None);
        }
        let dir = PrivateDir::open(dir)?;
        match Self::published(&dir)? {
            Some(found) => Ok(Some(found)),
            None if dir.read(KEY_FILE)?.is_none() => Ok(None),
            None => Self::publish(&dir.lock()?, &dir, false).map(Some),
        }
    }

    /// Makes a new CA in place of the one that is there, if there is one.
    pub fn rotate(dir: &Path, hosts: HostList, owner: &str) -> Result<Self, Error> {
        let dir = PrivateDir::open(dir)?;
        let ca = Ca::generate(hosts, owner)?;
        let lock = dir.lock()?;
        keep_former(&lock, &dir)?;
        store(&lock, &ca)?;
        Self::publish(&lock, &dir, true)
    }

    /// The certificate's file, whether or not there is one.
    pub fn certificate_file(dir: &Path) -> PathBuf {
        dir.join(CERTIFICATE_FILE)
    }

    /// The files of the certificates that were in its place before, in the order of their names.
    pub fn formers(dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).into_iter().flatten();
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        let is_former = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(FORMER)
        };
        let mut found: Vec<PathBuf> = paths.filter(is_former).collect();
        found.sort();
        found
    }

    /// Writes a file with the certificates that this platform trusts and the CA's, for programs that
    /// take one file in place of all others; and says where it is.
    pub fn write_bundle(&self, dir: &Path) -> Result<PathBuf, Error> {
        let dir = PrivateDir::open(dir)?;
        let mut bundle = self.ca.certificate_pem();
        for certificate in rustls_native_certs::load_native_certs().certs {
            bundle.push_str(&issuer::pem(&certificate));
        }
        dir.lock()?.write(BUNDLE_FILE, bundle.as_bytes())?;
        Ok(dir.join(BUNDLE_FILE))
    }

    /// The CA that is there, if its certificate's own file is that of its key.
    fn published(dir: &PrivateDir) -> Result<Option<Self>, Error> {
        let Some(ca) = load(dir)? else {
            return Ok(None);
        };
        let shared = dir.read_shared(CERTIFICATE_FILE)?;
        let is_its_own = shared.as_deref() == Some(ca.certificate_pem().as_bytes());
        Ok(is_its_own.then(|| Self::new(dir, ca, false)))
    }

    /// Writes the certificate's own file anew. Under the lock, so that nobody changes the key
    /// between the reading of the one and the writing of the other.
    fn publish(lock: &Locked<'_>, dir: &PrivateDir, is_new: bool) -> Result<Self, Error> {
        let gone = || Error::Damaged {
            path: dir.join(KEY_FILE),
            what: "it was removed just now",
        };
        let ca = load(dir)?.ok_or_else(gone)?;
        lock.write(CERTIFICATE_FILE, ca.certificate_pem().as_bytes())?;
        Ok(Self::new(dir, ca, is_new))
    }

    fn new(dir: &PrivateDir, ca: Ca, is_new: bool) -> Self {
        Self {
            ca,
            certificate_file: dir.join(CERTIFICATE_FILE),
            is_new,
        }
    }
}

fn load(dir: &PrivateDir) -> Result<Option<Ca>, Error> {
    let Some(file) = dir.read(KEY_FILE)? else {
        return Ok(None);
    };
    let path = dir.join(KEY_FILE);
    let damaged = |what| Error::Damaged {
        path: path.clone(),
        what,
    };
    let text = std::str::from_utf8(&file).map_err(|_| damaged("it is not a PEM file"))?;
    let key = KeyPair::from_pem(text).map_err(|_| damaged("it holds no private key"))?;
    let certificate =
        CertificateDer::from_pem_slice(&file).map_err(|_| damaged("it holds no certificate"))?;
    match Ca::restore(&certificate, key) {
        Ok(ca) => Ok(Some(ca)),
        Err(Unusable::Damaged(what)) => Err(damaged(what)),
        Err(Unusable::Expired) => Err(Error::Expired(path)),
    }
}

/// Keeps the certificate that is about to be replaced, so that it can be removed wherever it is
/// trusted.
fn keep_former(lock: &Locked<'_>, dir: &PrivateDir) -> Result<(), Error> {
    let Some(pem) = dir.read_shared(CERTIFICATE_FILE)? else {
        return Ok(());
    };
    let digest = digest::digest(&digest::SHA256, &pem);
    let mut name = FORMER.to_owned();
    for octet in digest.as_ref().iter().take(6) {
        let _ = write!(name, "{octet:02x}");
    }
    Ok(lock.write(&format!("{name}.pem"), &pem)?)
}

fn store(lock: &Locked<'_>, ca: &Ca) -> Result<(), Error> {
    let both = format!("{}{}", ca.key_pem(), ca.certificate_pem());
    Ok(lock.write(KEY_FILE, both.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn open(dir: &Path) -> Result<DevCa, Error> {
        DevCa::open(dir, &HostList::development(), "me@here")
    }

    #[test]
    fn it_is_made_once_and_loaded_ever_after() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("ca");
        assert!(DevCa::find(&dir).expect("looked").is_none());
        let made = open(&dir).expect("made");
        let loaded = open(&dir).expect("loaded");
        assert!(made.is_new && !loaded.is_new);
        assert_eq!(made.ca.fingerprint(), loaded.ca.fingerprint());
        let certificate = fs::read_to_string(&loaded.certificate_file).expect("there");
        assert_eq!(certificate, loaded.ca.certificate_pem());
        assert!(!certificate.contains("PRIVATE"));
    }

    #[test]
    fn each_installation_has_its_own_key() {
        let (one, other) = (
            tempfile::tempdir().expect("one"),
            tempfile::tempdir().expect("other"),
        );
        let pin = |dir: &Path| open(&dir.join("ca")).expect("made").ca.spki_pin();
        assert_ne!(pin(one.path()), pin(other.path()));
    }

    #[test]
    fn many_at_once_get_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("ca");
        let fingerprints: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| open(&dir).expect("opened").ca.fingerprint()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        assert!(fingerprints.windows(2).all(|two| two[0] == two[1]));
    }

    #[test]
    fn the_certificate_is_the_keys_own_however_many_rotate_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("ca");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| open(&dir).expect("opened"));
                scope.spawn(|| DevCa::rotate(&dir, HostList::development(), "me@here"));
            }
        });
        let found = fs::read_to_string(dir.join(CERTIFICATE_FILE)).expect("there");
        let ca = load(&PrivateDir::open(&dir).expect("there"));
        assert_eq!(found, ca.expect("loaded").expect("one").certificate_pem());
    }

    #[test]
    fn everybody_may_read_the_certificate() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("ca");
        let made = open(&dir).expect("made");
        let public = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&made.certificate_file, public).expect("set");
        assert_eq!(
            open(&dir).expect("loaded").ca.fingerprint(),
            made.ca.fingerprint()
        );
    }

    #[test]
    fn rotation_makes_another_with_other_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("ca");
        let old = open(&dir).expect("made").ca.fingerprint();
        let mut hosts = HostList::development();
        hosts.add("example.com").expect("a host");
        let new = DevCa::rotate(&dir, hosts.clone(), "me@here").expect("made");
        assert_ne!(new.ca.fingerprint(), old);
        assert_eq!(open(&dir).expect("loaded").ca.hosts(), &hosts);
    }

    #[test]
    fn a_damaged_file_is_refused_with_what_to_do_and_never_overwritten() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("ca");
        let key_file = dir.join(KEY_FILE);
        let made = open(&dir).expect("made");
        let other = Ca::generate(HostList::development(), "me@here").expect("made");
        for (content, what) in [
            (String::new(), "no private key"),
            ("garbage".to_owned(), "no private key"),
            (made.ca.key_pem(), "no certificate"),
            (
                format!("{}{}", made.ca.key_pem(), other.certificate_pem()),
                "does not belong",
            ),
        ] {
            fs::write(&key_file, &content).expect("written");
            let error = open(&dir).expect_err("refused").to_string();
            assert!(
                error.contains(what) && error.contains("corstap ca rotate"),
                "{error}"
            );
            assert_eq!(fs::read_to_string(&key_file).expect("there"), content);
        }
    }
}
