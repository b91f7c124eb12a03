//! What `check` takes to probe a server.

use clap::Args;

use super::Servers;

/// A server to be probed.
#[derive(Debug, Default, Args)]
#[group(skip)]
pub struct Probe {
    /// Ask the server at this URL, and compare what it does with what the policy says
    ///
    /// Only GET (or HEAD) and preflights are sent, one after the other, with origins that the policy
    /// lists and origins that are like them. No cookies, no redirects followed. How many requests there
    /// will be is said first, and asked about on a terminal.
    #[arg(long, value_name = "URL", value_parser = url)]
    pub probe: Option<url::Url>,
    /// Send the requests without asking
    #[arg(long, requires = "probe")]
    pub yes: bool,
    /// Ask for pages by HEAD, not by GET
    #[arg(long, requires = "probe")]
    pub head: bool,
    /// Send so many requests at the most
    #[arg(long, value_name = "N", default_value_t = 200, requires = "probe")]
    pub requests: usize,
    /// Send so many requests a second at the most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000), requires = "probe")]
    pub rate: u32,
    /// How the server is reached.
    #[command(flatten)]
    pub servers: Servers,
}

fn url(text: &str) -> Result<url::Url, String> {
    let usage = || format!("`{text}` is not like https://api.example.test/v1/users");
    let url = url::Url::parse(text).map_err(|_| usage())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(usage());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user in the URL would not be sent; leave it out".to_owned());
    }
    Ok(url)
}
