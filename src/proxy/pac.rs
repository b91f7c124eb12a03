//! The proxy auto-configuration file: what is read goes through corstap, all else past it.

use std::net::SocketAddr;

use crate::ca::HostList;

/// The file for a proxy that reads these hosts, and listens there. What asks for the dashboard, which
/// the proxy refuses, goes past it.
pub fn pac(read: &HostList, proxy: SocketAddr, dashboard: SocketAddr) -> String {
    let (names, addresses) = match read {
        HostList::Any => ("null".to_owned(), Vec::new()),
        HostList::Only { names, addresses } => {
            let mut names = names.clone();
            names.push("corstap.invalid".to_owned());
            let addresses = addresses.iter().map(ToString::to_string).collect();
            (list(&names), addresses)
        }
    };
    let addresses = list(&addresses);
    format!(
        r#"// Sends the hosts that corstap reads through it, and nothing else.
var proxy = "PROXY {proxy}";
var dashboard = "http://{dashboard}/";
var names = {names};
var addresses = {addresses};

function FindProxyForURL(url, host) {{
  var own = url.slice(0, dashboard.length) === dashboard;
  if (own) return "DIRECT";
  if (names === null) return proxy;
  host = host.toLowerCase().replace(/^\[|\]$|\.$/g, "");
  if (addresses.indexOf(host) >= 0) return proxy;
  for (var at = 0; at < names.length; at++) {{
    var end = "." + names[at];
    if (host === names[at] || host.slice(-end.length) === end) return proxy;
  }}
  return "DIRECT";
}}
"#
    )
}

/// A list of strings in JavaScript. Names of hosts and addresses hold nothing that needs an escape,
/// which is given one all the same.
fn list(words: &[String]) -> String {
    let quoted = words.iter().map(|word| format!("{word:?}"));
    format!("[{}]", quoted.collect::<Vec<_>>().join(", "))
}
