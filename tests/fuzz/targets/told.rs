//! A HAR file judged, told in all forms, and read back from the form that a capture holds.

use corstap::cors::Judgement;
use corstap::exchange::secret::{Redactor, Value, Values};
use corstap::report::record::Record;
use corstap::report::text::{self, View};
use corstap::report::{har, offline};
use time::UtcOffset;

pub fn tell(file: &[u8]) {
    let Ok(imported) = har::parse(file) else {
        return;
    };
    let view = View {
        offset: UtcOffset::UTC,
        width: Some(80),
    };
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    for told in offline::tell(&imported.events, &redactor) {
        let (recorded, judgement) = (&told.recorded, &told.judgement);
        for text in [
            text::line(recorded, judgement, view),
            text::full(recorded, judgement, view),
        ] {
            // Colours are ours, and are the only escapes.
            let steers =
                |character| character != '\n' && character != '\u{1b}' && text::steers(character);
            assert!(!text.contains(steers), "{text:?}");
        }
        serde_json::to_string(&Record::new("fuzz", 1, recorded, judgement)).expect("written");
        let written = serde_json::to_string(judgement).expect("written");
        let read: Judgement = serde_json::from_str(&written).expect("read");
        assert_eq!(&read, judgement);
        let headers = &recorded.request.headers;
        let written = serde_json::to_string(headers).expect("written");
        let read: Vec<(String, Value)> = serde_json::from_str(&written).expect("read");
        assert_eq!(&read, &**headers);
    }
}
