//! Where browsers are: one table for all platforms.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// A browser, by its maker's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Brand {
    /// Chromium.
    Chromium,
    /// Google Chrome.
    Chrome,
    /// Microsoft Edge.
    Edge,
    /// Brave.
    Brave,
    /// Vivaldi.
    Vivaldi,
    /// Firefox, the extended support release included.
    Firefox,
}

/// How a browser is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Over the DevTools protocol.
    Chromium,
    /// Over WebDriver BiDi.
    Firefox,
}

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux, and whatever else has a search path and no other place for programs.
    Linux,
    /// macOS.
    Mac,
    /// Windows.
    Windows,
}

/// What keeps a browser from files that it is not meant to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Nothing: its profile may be anywhere.
    None,
    /// A snap sees nothing hidden in the home directory, and a `/tmp` of its own: its profile has to
    /// be in `~/snap/NAME/common`.
    Snap,
    /// A Flatpak sees its own files only, and takes no pipes: it cannot be driven.
    Flatpak,
}

/// A browser that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one, where its name tells.
    pub brand: Brand,
    /// The program.
    pub program: PathBuf,
    /// What it may see.
    pub confinement: Confinement,
}

/// Where a browser may be.
#[derive(Clone, Copy, Debug)]
enum At {
    /// A name on the search path.
    Path(&'static str),
    /// A file.
    File(&'static str),
    /// A file below the directory that an environment variable names.
    Below(&'static str, &'static str),
    /// What a Flatpak of that name exports.
    Flatpak(&'static str),
}

use At::{Below, File, Flatpak, Path as OnPath};
use Brand::{Brave, Chrome, Chromium, Edge, Firefox, Vivaldi};
use Platform::{Linux, Mac, Windows};

/// All places, the plainest browser first. What the search path has comes before what only its
/// package's own directory has.
const PLACES: [(Brand, Platform, At); 46] = [
    (Chromium, Linux, OnPath("chromium")),
    (Chromium, Linux, OnPath("chromium-browser")),
    (Chromium, Linux, File("/snap/bin/chromium")),
    (Chromium, Linux, Flatpak("org.chromium.Chromium")),
    (Chromium, Mac, OnPath("chromium")),
    (
        Chromium,
        Mac,
        File("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    ),
    (
        Chromium,
        Windows,
        Below("LOCALAPPDATA", r"Chromium\Application\chrome.exe"),
    ),
    (Chrome, Linux, OnPath("google-chrome-stable")),
    (Chrome, Linux, OnPath("google-chrome")),
    (Chrome, Linux, File("/opt/google/chrome/chrome")),
    (Chrome, Linux, Flatpak("com.google.Chrome")),
    (
        Chrome,
        Mac,
        File("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    ),
    (
        Chrome,
        Mac,
        Below(
            "HOME",
            "Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ),
    ),
    (
        Chrome,
        Windows,
        Below("ProgramFiles", r"Google\Chrome\Application\chrome.exe"),
    ),
    (
        Chrome,
        Windows,
        Below("ProgramFiles(x86)", r"Google\Chrome\Application\chrome.exe"),
    ),
    (
        Chrome,
        Windows,
        Below("LOCALAPPDATA", r"Google\Chrome\Application\chrome.exe"),
    ),
    (Edge, Linux, OnPath("microsoft-edge-stable")),
    (Edge, Linux, OnPath("microsoft-edge")),
    (Edge, Linux, File("/opt/microsoft/msedge/msedge")),
    (Edge, Linux, Flatpak("com.microsoft.Edge")),
    (
        Edge,
        Mac,
        File("/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
    ),
    (
        Edge,
        Windows,
        Below(
            "ProgramFiles(x86)",
            r"Microsoft\Edge\Application\msedge.exe",
        ),
    ),
    (
        Edge,
        Windows,
        Below("ProgramFiles", r"Microsoft\Edge\Application\msedge.exe"),
    ),
    (Brave, Linux, OnPath("brave-browser-stable")),
    (Brave, Linux, OnPath("brave-browser")),
    (Brave, Linux, OnPath("brave")),
    (Brave, Linux, File("/snap/bin/brave")),
    (Brave, Linux, Flatpak("com.brave.Browser")),
    (
        Brave,
        Mac,
        File("/Applications/Brave Browser.app/Contents/MacOS/Brave Browser"),
    ),
    (
        Brave,
        Windows,
        Below(
            "ProgramFiles",
            r"BraveSoftware\Brave-Browser\Application\brave.exe",
        ),
    ),
    (
        Brave,
        Windows,
        Below(
            "LOCALAPPDATA",
            r"BraveSoftware\Brave-Browser\Application\brave.exe",
        ),
    ),
    (Vivaldi, Linux, OnPath("vivaldi-stable")),
    (Vivaldi, Linux, OnPath("vivaldi")),
    (
        Vivaldi,
        Mac,
        File("/Applications/Vivaldi.app/Contents/MacOS/Vivaldi"),
    ),
    (
        Vivaldi,
        Windows,
        Below("LOCALAPPDATA", r"Vivaldi\Application\vivaldi.exe"),
    ),
    (Firefox, Linux, OnPath("firefox-esr")),
    (Firefox, Linux, OnPath("firefox")),
    (Firefox, Linux, OnPath("firefox-developer-edition")),
    (Firefox, Linux, File("/snap/bin/firefox")),
    (Firefox, Linux, Flatpak("org.mozilla.firefox")),
    (
        Firefox,
        Mac,
        File("/Applications/Firefox.app/Contents/MacOS/firefox"),
    ),
    (
        Firefox,
        Mac,
        File("/Applications/Firefox Developer Edition.app/Contents/MacOS/firefox"),
    ),
    (
        Firefox,
        Mac,
        Below("HOME", "Applications/Firefox.app/Contents/MacOS/firefox"),
    ),
    (
        Firefox,
        Windows,
        Below("ProgramFiles", r"Mozilla Firefox\firefox.exe"),
    ),
    (
        Firefox,
        Windows,
        Below("ProgramFiles(x86)", r"Mozilla Firefox\firefox.exe"),
    ),
    (
        Firefox,
        Windows,
        Below("LOCALAPPDATA", r"Mozilla Firefox\firefox.exe"),
    ),
];

/// Where Flatpaks put what starts them: those of all users, and those below the home directory.
const FLATPAKS: [&str; 2] = [
    "/var/lib/flatpak/exports/bin",
    ".local/share/flatpak/exports/bin",
];

impl Brand {
    /// Its name, as it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Chrome => "chrome",
            Self::Edge => "edge",
            Self::Brave => "brave",
            Self::Vivaldi => "vivaldi",
            Self::Firefox => "firefox",
        }
    }

    /// How it is talked to.
    pub fn family(self) -> Family {
        match self {
            Self::Chromium | Self::Chrome | Self::Edge | Self::Brave | Self::Vivaldi => {
                Family::Chromium
            }
            Self::Firefox => Family::Firefox,
        }
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Platform {
    /// The one this program was made for.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::Mac
    } else {
        Self::Linux
    };
}

impl Found {
    /// A program that was named. What its name does not tell is taken for a Chromium.
    pub fn named(program: PathBuf) -> Self {
        let name = program.file_name().map(OsStr::to_ascii_lowercase);
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        let brands = [
            ("firefox", Firefox),
            ("edge", Edge),
            ("brave", Brave),
            ("vivaldi", Vivaldi),
            ("chrome", Chrome),
        ];
        let brand = brands.iter().find(|(word, _)| name.contains(word));
        Self {
            brand: brand.map_or(Chromium, |(_, brand)| *brand),
            confinement: confinement(&program),
            program,
        }
    }
}

/// Finds a browser of Chromium's family.
pub fn chromium() -> Option<PathBuf> {
    let mut all = installed();
    all.find(|found| found.brand.family() == Family::Chromium && is_free(found))
        .map(|found| found.program)
}

/// Finds a Firefox.
pub fn firefox() -> Option<PathBuf> {
    let mut all = installed();
    all.find(|found| found.brand == Firefox && is_free(found))
        .map(|found| found.program)
}

fn is_free(found: &Found) -> bool {
    found.confinement == Confinement::None
}

/// The browsers that are installed here, the plainest first; one may be there more than once.
pub fn installed() -> impl Iterator<Item = Found> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let dirs: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    places(Platform::HERE, &dirs, &variable)
        .into_iter()
        .filter(|(_, file)| is_program(file))
        .map(|(brand, program)| Found {
            brand,
            confinement: confinement(&program),
            program,
        })
}

/// Where browsers may be on a platform.
fn places(
    platform: Platform,
    dirs: &[PathBuf],
    variable: &dyn Fn(&str) -> Option<PathBuf>,
) -> Vec<(Brand, PathBuf)> {
    let of = |at| -> Vec<PathBuf> {
        match at {
            OnPath(name) => dirs.iter().map(|dir| dir.join(name)).collect(),
            File(file) => vec![PathBuf::from(file)],
            Below(name, file) => variable(name)
                .map(|dir| dir.join(file))
                .into_iter()
                .collect(),
            Flatpak(name) => {
                let home = variable("HOME").unwrap_or_default();
                FLATPAKS
                    .iter()
                    .map(|dir| home.join(dir).join(name))
                    .collect()
            }
        }
    };
    let here = PLACES.iter().filter(|(_, on, _)| *on == platform);
    here.flat_map(|(brand, _, at)| of(*at).into_iter().map(|file| (*brand, file)))
        .collect()
}

/// What keeps a program from files, by where it really is.
fn confinement(program: &Path) -> Confinement {
    let real = program.canonicalize();
    let real = real.as_deref().unwrap_or(program);
    let is_snap = |path: &Path| path.starts_with("/snap") || path.ends_with("usr/bin/snap");
    if is_snap(program) || is_snap(real) || starts_snap(real) {
        Confinement::Snap
    } else if program
        .components()
        .any(|part| part.as_os_str() == "flatpak")
    {
        Confinement::Flatpak
    } else {
        Confinement::None
    }
}

/// Ubuntu's `chromium-browser` is a script that starts the snap.
fn starts_snap(program: &Path) -> bool {
    const MOST: u64 = 16 * 1024;
    let is_short = program.metadata().is_ok_and(|found| found.len() <= MOST);
    let script = std::fs::read(program).ok().filter(|_| is_short);
    script.is_some_and(|script| {
        script.starts_with(b"#!") && memchr::memmem::find(&script, b"/snap/bin/").is_some()
    })
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(platform: Platform) -> Vec<(Brand, String)> {
        let variable = |name: &str| Some(PathBuf::from(format!("/{name}")));
        let dirs = [PathBuf::from("/usr/local/bin"), PathBuf::from("/usr/bin")];
        let all = places(platform, &dirs, &variable);
        let shown = |(brand, path): (Brand, PathBuf)| (brand, path.display().to_string());
        all.into_iter().map(shown).collect()
    }

    #[test]
    fn every_platform_has_a_place_for_every_browser() {
        for platform in [Linux, Mac, Windows] {
            for brand in [Chromium, Chrome, Edge, Brave, Vivaldi, Firefox] {
                let is_there = found(platform).iter().any(|(known, _)| *known == brand);
                assert!(is_there, "{brand} on {platform:?}");
            }
        }
    }

    #[test]
    fn the_search_path_comes_first_and_variables_stand_for_directories() {
        let linux = found(Linux);
        assert_eq!(linux[0], (Chromium, "/usr/local/bin/chromium".to_owned()));
        assert_eq!(linux[1].1, "/usr/bin/chromium");
        let has = |platform, place: &str| found(platform).iter().any(|(_, file)| file == place);
        assert!(has(
            Linux,
            "/var/lib/flatpak/exports/bin/org.mozilla.firefox"
        ));
        assert!(has(
            Linux,
            "/HOME/.local/share/flatpak/exports/bin/org.mozilla.firefox"
        ));
        assert!(has(Windows, r"/ProgramFiles/Mozilla Firefox\firefox.exe"));
        assert!(has(Mac, "/Applications/Firefox.app/Contents/MacOS/firefox"));
    }

    #[test]
    fn confinement_shows_in_the_place() {
        let of = |path: &str| confinement(Path::new(path));
        assert_eq!(of("/snap/bin/chromium"), Confinement::Snap);
        let flatpak = "/var/lib/flatpak/exports/bin/org.mozilla.firefox";
        assert_eq!(of(flatpak), Confinement::Flatpak);
        assert_eq!(of("/opt/google/chrome/chrome"), Confinement::None);
        let dir = tempfile::tempdir().expect("a directory");
        let script = dir.path().join("chromium-browser");
        std::fs::write(&script, "#!/bin/sh\nexec /snap/bin/chromium \"$@\"\n").expect("written");
        assert_eq!(confinement(&script), Confinement::Snap);
    }

    #[test]
    fn a_program_that_is_named_is_known_by_its_name() {
        let brand = |path: &str| Found::named(PathBuf::from(path)).brand;
        assert_eq!(brand("/opt/firefox-nightly/firefox"), Firefox);
        assert_eq!(brand("/usr/bin/google-chrome-beta"), Chrome);
        assert_eq!(brand("/usr/bin/thorium"), Chromium);
    }
}
