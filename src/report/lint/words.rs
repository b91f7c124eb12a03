//! What findings of the lint say: one sentence why, and one what to do.

use crate::policy::finding::Code;

/// What a code says. `{value}` stands for what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Why it is wrong.
    pub why: &'static str,
    /// What to do.
    pub todo: &'static str,
}

const fn words(why: &'static str, todo: &'static str) -> Words {
    Words { why, todo }
}

/// What a code says.
#[expect(clippy::too_many_lines, reason = "one arm a code")]
pub fn of(code: Code) -> Words {
    match code {
        Code::TooLarge => words(
            "The file has more than 1 MiB, which no policy needs.",
            "Split it, or take out what is not a policy.",
        ),
        Code::NotUtf8 => words(
            "What follows is not UTF-8, which TOML has to be.",
            "Save the file as UTF-8.",
        ),
        Code::Syntax => words(
            "This is not TOML: {value}.",
            "Write it as TOML has it: key = value, texts in quotation marks, lists in brackets \
             (https://toml.io).",
        ),
        Code::KeyDuplicate => words(
            "{value} stands twice in one table, so it is not clear which one counts.",
            "Keep one of them.",
        ),
        Code::KeyUnknown => words(
            "There is no key {value}, so it changes nothing.",
            "Take it out; the keys of a rule are name, origins, targets, methods, request-headers, \
             expose-headers, credentials, max-age, preflight and expires.",
        ),
        Code::KeyMissing => words(
            "{value} is missing, and there is no value that goes without saying.",
            "Add it.",
        ),
        Code::ValueType => words(
            "The value is of another type than the key takes.",
            "Write what the key takes: texts in quotation marks, numbers, dates, true and false without.",
        ),
        Code::ValueUnknown => words(
            "{value} is no word that the key takes.",
            "Use one of its words.",
        ),
        Code::ValueEmpty => words(
            "{value} is empty, so the rule is for nothing.",
            "Fill it, or take the rule out.",
        ),
        Code::ValueDuplicate => words("{value} stands in the list twice.", "Keep one of them."),
        Code::ValueCovered => words(
            "{value} stands beside *, which covers it.",
            "Take it out, or the *.",
        ),
        Code::VersionUnknown => words(
            "Version {value} of the language is not known here.",
            "Write version = 1, or update corstap.",
        ),
        Code::NoRules => words(
            "There is no rule, so nothing is allowed to any other origin.",
            "Add a rule, beginning with [[rule]]; `corstap suggest` makes one from a capture.",
        ),
        Code::NameInvalid => words(
            "The name {value} cannot stand in the field that marks rewritten responses: it is too long, has \
             blanks at its ends, or has control characters.",
            "Choose a name of up to 100 ordinary characters.",
        ),
        Code::NameDuplicate => words(
            "Another rule has the name {value}, so messages do not tell which one is meant.",
            "Give each rule a name of its own.",
        ),
        Code::RuleExpired => words(
            "The rule's last day, {value}, is over, so it is skipped.",
            "Take the rule out, or let it expire later.",
        ),
        Code::RuleShadowed => words(
            "Every request that this rule is for meets an earlier rule first ({value}), so it never applies.",
            "Move it before that rule, or take it out.",
        ),
        Code::RulePartlyShadowed => words(
            "Some requests that this rule is for meet an earlier rule first ({value}), which counts alone.",
            "Move the rule that is meant before the other one.",
        ),
        Code::OriginNull => words(
            "Any site can make a page whose origin is null, in a sandboxed frame, so this opens the server \
             to all of them.",
            "Take it out: give the page an origin of its own, and name that.",
        ),
        Code::AnyOriginWithCredentials => words(
            "* does not go with credentials: browsers refuse it, and servers that send the request's origin \
             in its place let every site read its users' data.",
            "Name the origins, or take out credentials = true.",
        ),
        Code::OriginSuffix => words(
            "An asterisk before part of a label covers names that others can register: evilexample.com ends \
             with example.com.",
            "Put a dot after the asterisk, so that it stands for whole labels.",
        ),
        Code::OriginPrefix => words(
            "An asterisk at the end covers names that others can register: example.com.evil.test begins with \
             example.com.",
            "Name each origin; an asterisk can stand only for what is before a domain of yours.",
        ),
        Code::OriginRegex => words(
            "This is a regular expression, which a policy has none of: an unescaped dot or a missing anchor \
             lets others in.",
            "Name each origin, or write https://*.example.com for what is below a domain of yours.",
        ),
        Code::OriginPublicSuffix => words(
            "Anybody can register a name below {value}, so this allows everybody.",
            "Name a domain of yours below it.",
        ),
        Code::HttpOriginWithCredentials => words(
            "Whoever is on the network between can put script into a page of {value}, and read users' data \
             with their credentials.",
            "Serve the page over https, or open it at http://localhost or a name below it, or take out \
             credentials = true.",
        ),
        Code::HttpOrigin => words(
            "Whoever is on the network between can put script into a page of {value}, and read what it may \
             read over https.",
            "Serve the page over https.",
        ),
        Code::SubdomainsWithCredentials => words(
            "Every name below has its users' data: one of them with a hole, or left behind with a provider, \
             gives it away.",
            "Name the subdomains that need it.",
        ),
        Code::AnyPort => words(
            "Every program that listens on that host is allowed, whoever runs it.",
            "Name the ports.",
        ),
        Code::OriginTrailingSlash => words(
            "No browser sends {value}: origins have no slash at their end, so it never matches.",
            "Take the slash off.",
        ),
        Code::OriginPath => words(
            "No browser sends {value}: an origin is scheme, host and port, so it never matches.",
            "Leave out user, path, query and fragment.",
        ),
        Code::OriginUpperCase => words(
            "No browser sends {value}: scheme and host are in small letters, so it never matches.",
            "Write it in small letters.",
        ),
        Code::OriginDefaultPort => words(
            "No browser sends {value}: the port that goes without saying is left out, so it never matches.",
            "Leave the port out.",
        ),
        Code::OriginUnicode => words(
            "No browser sends {value}: hosts are sent in ASCII, so it never matches.",
            "Write the host in ASCII (xn--…).",
        ),
        Code::OriginAddress => words(
            "No browser sends {value}: addresses are sent in one spelling only, so it never matches.",
            "Write the address as browsers do.",
        ),
        Code::OriginList => words(
            "Several origins are in one text; sent so, they match no page.",
            "Make each a text of its own.",
        ),
        Code::OriginNoScheme => words(
            "{value} has no scheme, and the same host over http and https is two origins.",
            "Write https:// before it.",
        ),
        Code::OriginScheme => words(
            "Pages of {value} have no origin of their own: browsers send null, or nothing.",
            "Serve the page over https, and name that origin.",
        ),
        Code::OriginInvalid => words(
            "{value} is no origin.",
            "Write scheme, host and, unless it goes without saying, port: https://app.example.test.",
        ),
        Code::OriginCovered => words(
            "{value} is covered by a wider pattern of the rule.",
            "Take it out, or the wider one.",
        ),
        Code::OriginIsTarget => words(
            "{value} is the server itself: its own pages need no leave.",
            "Take it out.",
        ),
        Code::TargetInvalid => words(
            "{value} is no URL of a server.",
            "Write an http or https URL: https://api.example.test, or with a path below which all is meant.",
        ),
        Code::TargetPattern => words(
            "An asterisk has no meaning in a target: a path covers all that is below it.",
            "Leave it out; name each server.",
        ),
        Code::TargetQuery => words(
            "A target has no user, query or fragment: browsers ask per origin, and a rule covers a path \
             whatever follows.",
            "Leave them out.",
        ),
        Code::TargetPath => words(
            "Servers read this path in different ways, so a rule for it could cover another one.",
            "Write the path without dots, double slashes and encoded slashes.",
        ),
        Code::TargetCovered => words(
            "{value} is covered by a shorter target of the rule.",
            "Take it out, or the shorter one.",
        ),
        Code::TargetPrivate => words(
            "{value} is, or can be, a public page, which gets to read what only this machine or a private \
             network can reach: not every browser asks its user first.",
            "Name an origin of the same network, or move the server.",
        ),
        Code::TargetMixedContent => words(
            "An https page of the rule cannot reach {value}: browsers refuse http from https pages, before \
             CORS.",
            "Serve it over https.",
        ),
        Code::MethodInvalid => words("{value} is no method.", "Write one method a text: \"PUT\"."),
        Code::MethodLowerCase => words(
            "{value} is another method: methods are compared letter by letter, so this never matches.",
            "Write it in capitals.",
        ),
        Code::MethodForbidden => words("No page can send {value}.", "Take it out."),
        Code::MethodSafelisted => words(
            "{value} needs no leave: browsers send it whatever is listed.",
            "Take it out.",
        ),
        Code::MethodOptions => words(
            "OPTIONS is needed only for pages that send OPTIONS themselves: preflights are allowed without.",
            "Take it out, unless pages do so.",
        ),
        Code::AnyMethodWithCredentials => words(
            "With credentials, * is a method of that name and covers nothing else.",
            "List the methods, or take out credentials = true.",
        ),
        Code::HeaderInvalid => words(
            "{value} is no header name.",
            "Write one name a text: \"content-type\".",
        ),
        Code::HeaderForbidden => words("No script can set {value}.", "Take it out."),
        Code::HeaderSafelisted => words(
            "{value} needs no leave, unless its value is odd.",
            "Take it out.",
        ),
        Code::ResponseHeaderRequested => words(
            "{value} is a header of responses, which no request carries.",
            "Take it out; the server sends it by itself.",
        ),
        Code::AnyHeaderWithCredentials => words(
            "With credentials, * is a header of that name and covers nothing else.",
            "List the names, or take out credentials = true.",
        ),
        Code::AnyHeaderWithoutAuthorization => words(
            "By the standard, * does not cover Authorization.",
            "List authorization beside it, if pages send it.",
        ),
        Code::RequestHeaderExposed => words(
            "{value} is a header of requests, which no response carries.",
            "Take it out, or move it to request-headers.",
        ),
        Code::ExposeForbidden => words(
            "No script can read {value}, exposed or not.",
            "Take it out.",
        ),
        Code::ExposeSafelisted => words("Script can read {value} anyway.", "Take it out."),
        Code::ExposeAny => words(
            "* exposes every header of the responses, those added later and by other layers too.",
            "List the names that pages read.",
        ),
        Code::ExposeAnyWithCredentials => words(
            "With credentials, * is a header of that name and exposes nothing else.",
            "List the names, or take out credentials = true.",
        ),
        Code::MaxAgeInvalid => words(
            "max-age is a number of seconds, from 0 on.",
            "Write 0 to have nothing kept, or leave it out (browsers keep for 5 seconds).",
        ),
        Code::MaxAgeTooLong => words(
            "No browser keeps an answer for {value} seconds: Firefox does for a day (86400), Chromium for \
             two hours, WebKit for ten minutes.",
            "Write 86400 at most; 600 is what all of them keep.",
        ),
        Code::MaxAgeCut => words(
            "Not every browser keeps an answer for {value} seconds: Chromium cuts it to 7200, WebKit to 600. \
             What is kept outlives a policy that is tightened.",
            "Write 600, if that does.",
        ),
    }
}
