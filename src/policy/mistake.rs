//! The mistakes that a server's answers show beside a policy: what each is called, why it matters,
//! what to do.

use serde::{Serialize, Serializer};

/// The mistakes, each with its code, why it matters, and what to do.
macro_rules! mistakes {
    ($($(#[$doc:meta])* $mistake:ident = $code:literal, $why:literal, $remedy:literal;)*) => {
        /// A mistake of a server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Mistake { $($(#[$doc])* $mistake,)* }

        impl Mistake {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$mistake,)*];

            /// Its stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$mistake => $code,)* }
            }

            /// Why it matters.
            pub fn why(self) -> &'static str {
                match self { $(Self::$mistake => $why,)* }
            }

            /// What to do.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$mistake => $remedy,)* }
            }
        }
    };
}

mistakes! {
    /// Whatever Origin comes is allowed by its own name.
    ReflectsOrigin = "server-reflects-origin",
        "The server writes whatever Origin it gets into Access-Control-Allow-Origin: every site is allowed.",
        "Compare Origin with a list, octet by octet, and send it back only if it is on it.";
    /// `*`, where the policy names origins.
    AllowsAll = "server-allows-all",
        "The server answers `*` where the policy names origins: every page may read what is shown without credentials.",
        "Name the origins on the server as the policy does; or, if the data are public, write origins = [\"*\"] in the policy.";
    /// `null` is allowed.
    AllowsNull = "server-allows-null",
        "The server allows `null`, which any site can send from a sandboxed frame or by a redirect.",
        "Take `null` off the server's list; serve local pages from http://localhost instead.";
    /// Hosts that begin like a listed one are allowed.
    MatchesPrefix = "server-matches-prefix",
        "The server looks only at how an origin begins: whoever owns a name that begins so is allowed.",
        "Compare whole origins; if it has to be a pattern, anchor it at both ends (^ and $).";
    /// Hosts that end like a listed one are allowed.
    MatchesSuffix = "server-matches-suffix",
        "The server looks only at how an origin ends: whoever registers a name that ends so is allowed.",
        "Compare whole origins; if it has to be a pattern, anchor it at both ends (^ and $).";
    /// Other names of the same domain are allowed.
    AllowsSubdomains = "server-allows-subdomains",
        "The server allows other names of the domain: a script injected on any of them, or a subdomain taken over, has access.",
        "List the origins that need access, or write the pattern into the policy if all of them are meant.";
    /// A dot of a pattern stands for any character.
    DotUnescaped = "server-dot-unescaped",
        "In the server's pattern a dot stands for any character: another name can be registered that it takes for the listed one.",
        "Escape the dots of the pattern (\\.), or compare whole origins.";
    /// Odd characters after a listed host are let through.
    OddCharacters = "server-odd-characters",
        "The server's pattern lets odd characters through, which some browsers allow in a host's name.",
        "Compare whole origins; if it has to be a pattern, anchor it at both ends (^ and $).";
    /// The other scheme is allowed.
    IgnoresScheme = "server-ignores-scheme",
        "The server allows the origin by the other scheme, too: over plain http, whoever is on the network can be that page.",
        "Compare the whole origin, with its scheme and port, octet by octet.";
    /// Other ports are allowed.
    IgnoresPort = "server-ignores-port",
        "The server allows the host at any port: whatever else runs on that machine has access.",
        "Compare the whole origin, with its scheme and port, octet by octet.";
    /// Upper and lower case are the same.
    IgnoresCase = "server-ignores-case",
        "The server folds letter case in origins; browsers send small letters only, so nobody gains by it.",
        "Compare the whole origin, with its scheme and port, octet by octet.";
    /// A dot after the host makes no difference.
    IgnoresTrailingDot = "server-ignores-trailing-dot",
        "The server allows the host with a dot at its end, which is another origin of the same machine.",
        "Compare the whole origin, with its scheme and port, octet by octet.";
    /// Credentials are allowed to an origin whose rule does not grant them.
    AllowsCredentials = "server-allows-credentials",
        "The server lets this origin use cookies and sign-ins, which its rule in the policy does not grant.",
        "Take Access-Control-Allow-Credentials off the answer, or grant it in the policy: credentials = true.";
    /// Preflights of strangers are answered with yes.
    AnswersAnyPreflight = "server-answers-any-preflight",
        "The server answers preflights of strangers with yes: their requests are sent, even if they may not read the answer.",
        "Check Origin for OPTIONS as for every other method; one middleware for both is best.";
    /// The answer depends on Origin, and does not say so to caches.
    VaryMissing = "server-vary-missing",
        "The answer depends on Origin, but does not say `Vary: Origin`: a cache gives one origin's answer to another.",
        "Send `Vary: Origin` with every answer of this URL: to refused origins, without Origin, and with errors, too.";
    /// A listed origin is refused.
    RefusesOrigin = "server-refuses-origin",
        "The server refuses an origin that the policy allows.",
        "Add the origin to the server's list as browsers write it, or take it out of the policy.";
    /// A listed origin may not use credentials, which its rule grants.
    RefusesCredentials = "server-refuses-credentials",
        "The server does not let this origin use credentials, which its rule in the policy grants.",
        "Send `Access-Control-Allow-Credentials: true` and the origin itself (never `*`), or take credentials out of the rule.";
    /// A preflight for what a rule allows is refused.
    RefusesPreflight = "server-refuses-preflight",
        "The server refuses a preflight for what the policy allows.",
        "Have OPTIONS answered before routing and sign-in, with status 204 and the methods and headers of the policy.";
    /// A header that a rule exposes is not exposed.
    ExposesLess = "server-exposes-less",
        "Scripts cannot read a response header that the policy exposes.",
        "Name it in Access-Control-Expose-Headers, or take it out of the policy.";
    /// A method that the rule does not name is allowed.
    AllowsMethod = "server-allows-method",
        "The server allows a method that the rule does not name.",
        "Name on the server the methods that the policy names.";
    /// A header that the rule does not name is allowed.
    AllowsHeader = "server-allows-header",
        "The server allows a request header that the rule does not name.",
        "Name on the server the headers that the policy names, rather than send back what was asked for.";
    /// Preflights are kept for another time than the rule says.
    MaxAgeDiffers = "server-max-age-differs",
        "The server lets browsers keep the answer to a preflight for another time than the policy says.",
        "Set Access-Control-Max-Age to what the policy says, or max-age in the policy.";
    /// Errors come without the CORS fields.
    ErrorsWithoutCors = "server-errors-without-cors",
        "Errors come without Access-Control-Allow-Origin: pages see a network error and not what went wrong.",
        "Set the CORS fields on errors, too (nginx: `always`; elsewhere: the outermost middleware).";
}

impl Serialize for Mistake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mistake_has_a_code_of_its_own() {
        let codes: BTreeSet<&str> = Mistake::ALL.iter().map(|one| one.code()).collect();
        assert_eq!(codes.len(), Mistake::ALL.len());
        assert!(codes.iter().all(|code| code.starts_with("server-")));
    }
}
