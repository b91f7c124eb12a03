//! Withholding: secrets that browsers' messages name are taken out of what the judge says before it is
//! stored or told.

use crate::exchange::secret::{Redactor, Value};
use crate::wire::headers::from_latin1;

use super::engine::PerEngine;
use super::verdict::{Answer, Judgement, Verdict, printed};
use super::{Cause, Engine};

impl Judgement {
    /// Withholds the secrets that a message may name: header names, methods, the URL of a redirect, and
    /// what stands in an origin's place and is none.
    pub fn withhold(&mut self, redactor: &Redactor) {
        let origin = self.origin.as_deref();
        self.origin = origin.map(|origin| told(redactor, "origin", origin));
        if let Some(initiator) = &mut self.initiator {
            let url = initiator.url.take();
            initiator.url = url.map(|url| redactor.url(&url));
            let function = initiator.function.take();
            initiator.function = function.map(|name| redactor.name(&name));
        }
        self.verdict.withhold(redactor);
        if let Some(delivered) = &mut self.delivered {
            delivered.withhold(redactor);
        }
    }
}

impl Verdict {
    fn withhold(&mut self, redactor: &Redactor) {
        let verdict = self;
        if let Some(confirmed) = &mut verdict.confirmed {
            let parameter = confirmed.parameter.take();
            confirmed.parameter = parameter.map(|named| withheld(&named, redactor));
        }
        let PerEngine {
            chromium,
            firefox,
            webkit,
        } = &mut verdict.engines;
        let of_engines = [chromium, firefox, webkit].into_iter().flat_map(|engine| {
            [
                Some(&mut engine.answer),
                engine.if_included.as_deref_mut(),
                engine.if_omitted.as_deref_mut(),
            ]
        });
        let own = [
            Some(&mut verdict.answer),
            verdict.if_included.as_deref_mut(),
            verdict.if_omitted.as_deref_mut(),
        ];
        for answer in own.into_iter().chain(of_engines).flatten() {
            answer.withhold(redactor);
        }
        if let Some(PerEngine {
            chromium,
            firefox,
            webkit,
        }) = &mut verdict.readable
        {
            for name in [chromium, firefox, webkit].into_iter().flatten() {
                *name = redactor.name(name);
            }
        }
        for evidence in &mut verdict.evidence {
            let (Some(field), Some(value)) = (&evidence.field, &evidence.value) else {
                continue;
            };
            evidence.value = match redactor.field(field.as_bytes(), &from_latin1(value)) {
                (_, Value::Plain(value)) => Some(value),
                (_, Value::Withheld(_)) => None,
            };
        }
    }
}

impl Answer {
    /// Withholds what its message names, by the field that it comes from.
    fn withhold(&mut self, redactor: &Redactor) {
        let Some((cause, parameter)) = self.cause.zip(self.parameter.as_deref()) else {
            return;
        };
        let kept = match cause {
            Cause::HeaderNotAllowed
            | Cause::HeaderWildcardCredentialed
            | Cause::AuthorizationNeedsListing
            | Cause::MethodNotAllowed
            | Cause::MethodCase
            | Cause::MethodWildcardCredentialed => redactor.name(parameter),
            Cause::AllowHeadersUnparsable | Cause::AllowMethodsUnparsable => {
                redactor.names(parameter)
            }
            Cause::AllowOriginMultiple
            | Cause::AllowOriginInvalid
            | Cause::AllowOriginMismatch
            | Cause::RedirectOriginNull => told(redactor, "access-control-allow-origin", parameter),
            Cause::RedirectUserinfo | Cause::RedirectBadScheme => redactor.url(parameter),
            // What is left comes from fields that are known to be harmless.
            Cause::AllowOriginMissing
            | Cause::WildcardWithCredentials
            | Cause::AllowCredentialsNotTrue
            | Cause::PreflightStatus
            | Cause::PreflightRedirect
            | Cause::PreflightNoResponse
            | Cause::RedirectLoop
            | Cause::NoResponse
            | Cause::SchemeNotCors
            | Cause::ModeForbids
            | Cause::LnaDenied
            | Cause::LnaInsecure
            | Cause::LnaTargetMismatch
            | Cause::PnaHeaderMissing
            | Cause::OriginHeaderUnavailable
            | Cause::CorsDisabledInBrowser => return,
        };
        self.parameter = Some(kept);
    }
}

/// The value of a field as an engine prints it, or the mark that stands for it. Characters that are
/// UTF-8 if each is taken for an octet were printed octet by octet.
fn told(redactor: &Redactor, field: &str, value: &str) -> String {
    let is_octets = value
        .chars()
        .all(|character| u8::try_from(character).is_ok());
    let octets = from_latin1(value);
    let (engine, octets) = match str::from_utf8(&octets) {
        Ok(_) if is_octets => (Engine::Webkit, &*octets),
        Ok(_) | Err(_) => (Engine::Firefox, value.as_bytes()),
    };
    match redactor.field(field.as_bytes(), octets).1 {
        Value::Plain(value) => printed(engine, &value),
        Value::Withheld(withheld) => withheld.to_string(),
    }
}

/// What a browser's message names: a URL, a header, or some value.
fn withheld(named: &str, redactor: &Redactor) -> String {
    if named.contains('/') {
        redactor.url(named)
    } else {
        redactor.names(named)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::secret::Values;
    use crate::wire::headers::latin1;

    const FIELD: &str = "access-control-allow-origin";

    fn redactor() -> Redactor {
        Redactor::new(&[7; 32], Values::Harmless)
    }

    #[test]
    fn what_stands_for_a_value_is_the_same_in_each_engines_message_and_in_the_field() {
        let value = "https://us\u{e9}r@\u{1f600}.test";
        let (_, kept) = redactor().field(FIELD.as_bytes(), value.as_bytes());
        let Value::Withheld(mark) = kept else {
            panic!("{kept:?}")
        };
        for engine in Engine::ALL {
            let named = printed(engine, &latin1(value.as_bytes()));
            assert_eq!(
                told(&redactor(), FIELD, &named),
                mark.to_string(),
                "{engine:?}"
            );
        }
    }

    #[test]
    fn a_url_without_its_secrets_is_still_told_as_the_engine_prints_it() {
        let value = "https://\u{e9}.test/?a=1";
        let of = |engine| {
            told(
                &redactor(),
                FIELD,
                &printed(engine, &latin1(value.as_bytes())),
            )
        };
        let (chromium, webkit) = (of(Engine::Chromium), of(Engine::Webkit));
        assert!(
            chromium.starts_with("https://\u{e9}.test/?a={withheld:1:"),
            "{chromium}"
        );
        assert!(
            webkit.starts_with("https://\u{c3}\u{a9}.test/?a={withheld:1:"),
            "{webkit}"
        );
    }

    proptest! {
        #[test]
        fn what_is_harmless_stays_as_it_was_printed(octets: Vec<u8>) {
            prop_assume!(!octets.iter().any(|octet| b"@#/\\?".contains(octet)));
            for engine in Engine::ALL {
                let named = printed(engine, &latin1(&octets));
                prop_assert_eq!(told(&redactor(), FIELD, &named), named);
            }
        }
    }
}
