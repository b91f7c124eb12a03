//! Which requests are made: a bounded matrix of origins, methods and headers.
//!
//! Only GET (or HEAD) and preflights are ever asked. A preflight changes nothing; the request that it
//! asks for is not sent.

use std::collections::HashSet;

use super::origins::{Candidate, Likeness, near};

/// A header that no server knows.
const UNKNOWN_HEADER: &str = "x-corstap-probe";
/// What a preflight of a stranger asks for.
const UNSAFE: &str = "PUT";

/// What a rule of the policy has for the URL that is probed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The name of the rule.
    pub rule: String,
    /// The origins it names; for a pattern one that it covers.
    pub origins: Vec<Candidate>,
    /// Its methods; `*` is any.
    pub methods: Vec<String>,
    /// The names of its request headers; `*` is any.
    pub headers: Vec<String>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose page asks; nobody's where the request has no Origin.
    pub origin: Option<Candidate>,
    /// What for.
    pub asks: Asks,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    /// The URL itself.
    Page,
    /// A URL below it that is not there: what do errors look like?
    NoSuchPage,
    /// Whether another request may be sent.
    Preflight {
        /// Its method.
        method: String,
        /// Its headers that need to be asked for: in small letters, sorted.
        headers: Vec<String>,
    },
}

/// The requests, the most telling first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Those that are made.
    pub questions: Vec<Question>,
    /// How many more there would be without the bound.
    pub left_out: usize,
}

impl Matrix {
    /// The requests for these rules, `most` at the most.
    pub fn of(wanted: &[Wanted], most: usize) -> Self {
        let mut all = Vec::new();
        ask_as_strangers(&mut all);
        for rule in wanted {
            ask_as_listed(rule, &mut all);
        }
        for rule in wanted {
            ask_beyond(rule, &mut all);
        }
        for rule in wanted {
            ask_as_others(rule, &mut all);
        }
        let mut seen = HashSet::new();
        all.retain(|question: &Question| {
            let origin = question.origin.as_ref().map(|one| one.origin.clone());
            seen.insert((origin, question.asks.clone()))
        });
        let left_out = all.len().saturating_sub(most);
        all.truncate(most);
        Self {
            questions: all,
            left_out,
        }
    }
}

/// Nobody, a stranger and `null`: a server that reflects shows itself at once.
fn ask_as_strangers(all: &mut Vec<Question>) {
    all.push(Question {
        origin: None,
        asks: Asks::Page,
    });
    for origin in [Candidate::stranger(), Candidate::null()] {
        all.push(page(&origin));
        all.push(preflight(&origin, UNSAFE, &[]));
    }
}

/// What the rule means to allow, as the first of its origins.
fn ask_as_listed(rule: &Wanted, all: &mut Vec<Question>) {
    let Some(origin) = rule.origins.first() else {
        return;
    };
    all.push(page(origin));
    let headers = headers(rule);
    for method in methods(rule) {
        all.push(preflight(origin, method, &headers));
    }
    for near in near(&origin.origin) {
        all.push(page(&near));
        if matches!(near.likeness, Likeness::Prefix | Likeness::Suffix) {
            all.push(preflight(&near, UNSAFE, &[]));
        }
    }
}

/// What the rule does not mean to allow, as an origin that it names; and what errors look like.
fn ask_beyond(rule: &Wanted, all: &mut Vec<Question>) {
    let Some(origin) = rule.origins.first() else {
        return;
    };
    let is_listed = |method: &&str| rule.methods.iter().any(|one| one == method || one == "*");
    let unlisted = ["DELETE", "PUT", "PATCH"];
    if let Some(method) = unlisted.into_iter().find(|method| !is_listed(method)) {
        all.push(preflight(origin, method, &[]));
    }
    if !rule.headers.iter().any(|one| one == "*") {
        all.push(preflight(origin, "GET", &[UNKNOWN_HEADER.to_owned()]));
    }
    all.push(Question {
        origin: Some(origin.clone()),
        asks: Asks::NoSuchPage,
    });
}

/// The other origins of the rule, and those near them.
fn ask_as_others(rule: &Wanted, all: &mut Vec<Question>) {
    let others = || rule.origins.iter().skip(1);
    let headers = headers(rule);
    for origin in others() {
        all.push(page(origin));
        if let Some(method) = methods(rule).first() {
            all.push(preflight(origin, method, &headers));
        }
    }
    for origin in others() {
        all.extend(near(&origin.origin).iter().map(page));
    }
}

fn page(origin: &Candidate) -> Question {
    Question {
        origin: Some(origin.clone()),
        asks: Asks::Page,
    }
}

fn preflight(origin: &Candidate, method: &str, headers: &[String]) -> Question {
    Question {
        origin: Some(origin.clone()),
        asks: Asks::Preflight {
            method: method.to_owned(),
            headers: headers.to_vec(),
        },
    }
}

/// The methods that a preflight asks for. Without headers the safelisted ones need none.
fn methods(rule: &Wanted) -> Vec<&str> {
    let methods = rule.methods.iter().map(String::as_str);
    let mut methods: Vec<&str> = methods
        .map(|method| if method == "*" { UNSAFE } else { method })
        .filter(|method| {
            !rule.headers.is_empty() || !crate::cors::names::is_safelisted_method(method)
        })
        .collect();
    if methods.is_empty() && !rule.headers.is_empty() {
        methods.push("GET");
    }
    methods
}

/// The header names that a preflight asks for, as browsers write them.
fn headers(rule: &Wanted) -> Vec<String> {
    let names = rule.headers.iter().map(|name| match name.as_str() {
        "*" => UNKNOWN_HEADER.to_owned(),
        name => name.to_ascii_lowercase(),
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> Wanted {
        let listed = |origin: &&str| Candidate {
            origin: (*origin).to_owned(),
            likeness: Likeness::Listed,
        };
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Wanted {
            rule: "a rule".to_owned(),
            origins: origins.iter().map(listed).collect(),
            methods: owned(methods),
            headers: owned(headers),
        }
    }

    fn preflights(matrix: &Matrix, origin: &str) -> Vec<String> {
        let of = |question: &Question| {
            let is_it = question.origin.as_ref()?.origin == origin;
            match &question.asks {
                Asks::Preflight { method, headers } if is_it => {
                    Some(format!("{method} {}", headers.join(",")))
                }
                Asks::Preflight { .. } | Asks::Page | Asks::NoSuchPage => None,
            }
        };
        matrix.questions.iter().filter_map(of).collect()
    }

    #[test]
    fn a_listed_origin_asks_for_what_its_rule_names_and_for_a_little_more() {
        let rule = rule(
            &["https://app.test"],
            &["GET", "PUT"],
            &["X-Request-Id", "Authorization"],
        );
        let matrix = Matrix::of(&[rule], 200);
        assert_eq!(
            preflights(&matrix, "https://app.test"),
            [
                "GET authorization,x-request-id",
                "PUT authorization,x-request-id",
                "DELETE ",
                "GET x-corstap-probe"
            ]
        );
    }

    #[test]
    fn what_needs_no_preflight_is_not_asked_for() {
        let matrix = Matrix::of(&[rule(&["https://app.test"], &["GET", "POST"], &[])], 200);
        let asked = preflights(&matrix, "https://app.test");
        assert_eq!(asked, ["DELETE ", "GET x-corstap-probe"]);
    }

    #[test]
    fn nothing_is_asked_twice_and_never_more_than_the_bound() {
        let rule = rule(
            &["https://a.test", "https://b.test", "https://c.test"],
            &["PUT"],
            &[],
        );
        let all = Matrix::of(&[rule.clone(), rule.clone()], usize::MAX);
        assert_eq!(all, Matrix::of(std::slice::from_ref(&rule), usize::MAX));
        let some = Matrix::of(&[rule], 10);
        assert_eq!(
            (some.questions.len(), some.left_out),
            (10, all.questions.len() - 10)
        );
        assert_eq!(some.questions, all.questions.get(..10).expect("ten"));
    }

    #[test]
    fn without_a_rule_strangers_are_still_tried() {
        let matrix = Matrix::of(&[], 200);
        assert_eq!(matrix.questions.len(), 5);
    }
}
