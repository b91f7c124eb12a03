//! What `browse` takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Run;
use crate::browser::find::Brand;

/// A throw-away browser that is pointed at a proxy of its own, and trusts it.
#[derive(Debug, Args)]
pub struct Browse {
    /// The page to open; its host is read, whatever it is
    #[arg(value_name = "URL", value_parser = page)]
    pub url: Option<url::Url>,
    /// chromium, chrome, edge, brave or firefox, or the file of a browser; without it, the first that
    /// is found
    #[arg(long, value_name = "NAME", value_parser = browser)]
    pub browser: Option<Wanted>,
    /// Show no window: for machines without a screen, and for tests
    #[arg(long)]
    pub headless: bool,
    /// Start no browser, but listen to one of Chromium's family that is open, on the port that it was
    /// given (--remote-debugging-port); it has to use this proxy, and to trust the stored CA
    #[arg(long, value_name = "PORT", conflicts_with_all = ["browser", "headless", "browser_arguments"])]
    pub attach: Option<u16>,
    /// What `run` takes.
    #[command(flatten)]
    pub run: Run,
    /// Arguments for the browser
    #[arg(last = true, value_name = "BROWSER ARGS")]
    pub browser_arguments: Vec<OsString>,
}

/// The browser that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of that name.
    Brand(Brand),
    /// This file.
    File(PathBuf),
}

/// A browser to be guarded.
#[derive(Debug, Args)]
pub struct GuardBrowser {
    /// What is removed in the end
    #[arg(long)]
    pub profile: PathBuf,
    /// The browser and its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// A browser to be bound to its guard.
#[derive(Debug, Args)]
pub struct BindBrowser {
    /// The guard's process
    #[arg(long, value_name = "PID")]
    pub to: i32,
    /// The browser and its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

fn browser(text: &str) -> Result<Wanted, String> {
    const BRANDS: [Brand; 6] = [
        Brand::Chromium,
        Brand::Chrome,
        Brand::Edge,
        Brand::Brave,
        Brand::Vivaldi,
        Brand::Firefox,
    ];
    if let Some(brand) = BRANDS.into_iter().find(|brand| brand.name() == text) {
        return Ok(Wanted::Brand(brand));
    }
    let file = PathBuf::from(text);
    if file.is_file() {
        return Ok(Wanted::File(file));
    }
    Err("it is chromium, chrome, edge, brave, vivaldi, firefox, or a file that is there".to_owned())
}

/// A page: what has no scheme gets one, as in browsers, but http only for this machine.
fn page(text: &str) -> Result<url::Url, String> {
    let wrong = || "it is like https://app.example.test/ or localhost:3000".to_owned();
    let is_whole = text.starts_with("http://") || text.starts_with("https://");
    if is_whole {
        return url::Url::parse(text).map_err(|_| wrong());
    }
    if text.contains("://") {
        return Err(wrong());
    }
    let plain = url::Url::parse(&format!("http://{text}")).map_err(|_| wrong())?;
    match plain.host() {
        Some(url::Host::Domain(name)) if name != "localhost" && !name.ends_with(".localhost") => {
            url::Url::parse(&format!("https://{text}")).map_err(|_| wrong())
        }
        Some(_) => Ok(plain),
        None => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_taken_as_browsers_take_them() {
        let taken = |text| page(text).map(|url| url.to_string());
        assert_eq!(
            taken("localhost:3000"),
            Ok("http://localhost:3000/".to_owned())
        );
        assert_eq!(taken("127.0.0.1:80/a"), Ok("http://127.0.0.1/a".to_owned()));
        assert_eq!(
            taken("app.example.test"),
            Ok("https://app.example.test/".to_owned())
        );
        assert_eq!(taken("http://a.test"), Ok("http://a.test/".to_owned()));
        assert!(taken("file:///etc/passwd").is_err());
        assert!(taken("javascript://a").is_err());
    }

    #[test]
    fn a_browser_is_a_name_or_a_file() {
        assert_eq!(browser("brave"), Ok(Wanted::Brand(Brand::Brave)));
        assert!(browser("netscape").is_err());
    }
}
