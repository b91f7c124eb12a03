//! The stored CA: made on first use, loaded ever after.

use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::issuer::Unusable;
use super::{Ca, Error, HostList};
use crate::private::{Locked, PrivateDir, Replace};

/// The key and, in the same file, its certificate: so that there is never one without the other.
const KEY_FILE: &str = "ca-key.pem";
/// The certificate alone, for those who are to trust it.
const CERTIFICATE_FILE: &str = "ca.pem";

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
        if let Some(ca) = load(&dir)? {
            return Self::opened(&dir, ca, false);
        }
        let lock = dir.lock()?;
        if let Some(ca) = load(&dir)? {
            drop(lock);
            return Self::opened(&dir, ca, false);
        }
        let ca = Ca::generate(hosts.clone(), owner)?;
        store(&lock, &ca, Replace::Never)?;
        drop(lock);
        Self::opened(&dir, ca, true)
    }

    /// Loads the CA of a directory; nothing if there is none.
    pub fn find(dir: &Path) -> Result<Option<Self>, Error> {
        if !dir.exists() {
            return Ok(None);
        }
        let dir = PrivateDir::open(dir)?;
        load(&dir)?
            .map(|ca| Self::opened(&dir, ca, false))
            .transpose()
    }

    /// Makes a new CA in place of the one that is there, if there is one.
    pub fn rotate(dir: &Path, hosts: HostList, owner: &str) -> Result<Self, Error> {
        let dir = PrivateDir::open(dir)?;
        let ca = Ca::generate(hosts, owner)?;
        store(&dir.lock()?, &ca, Replace::Always)?;
        Self::opened(&dir, ca, true)
    }

    /// The certificate's own file is written anew where it is missing or another one.
    fn opened(dir: &PrivateDir, ca: Ca, is_new: bool) -> Result<Self, Error> {
        let pem = ca.certificate_pem();
        if dir.read(CERTIFICATE_FILE)?.as_deref() != Some(pem.as_bytes()) {
            dir.lock()?
                .write(CERTIFICATE_FILE, pem.as_bytes(), Replace::Always)?;
        }
        Ok(Self {
            ca,
            certificate_file: dir.join(CERTIFICATE_FILE),
            is_new,
        })
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

fn store(lock: &Locked<'_>, ca: &Ca, replace: Replace) -> Result<(), Error> {
    let both = format!("{}{}", ca.key_pem(), ca.certificate_pem());
    Ok(lock.write(KEY_FILE, both.as_bytes(), replace)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

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
