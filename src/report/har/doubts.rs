//! What a file leaves open.

/// What a file leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// How many entries were left out because their URL is not http or https.
    pub skipped: usize,
    /// How many requests the browser gave up without an answer in the file, and without a word that
    /// tells why.
    pub silent: usize,
    /// How many requests without an answer were left out because a preflight was made for them: that
    /// may have failed, and they never have been sent.
    pub unsent: usize,
    /// How many requests have not the fields that were sent: a browser's, without a Host or an Origin.
    pub provisional: usize,
    /// How many came so late in the file that earlier ones had been judged.
    pub late: usize,
    /// Whether the file did not fit into memory, so that what connections tell was left out.
    pub is_partial: bool,
    /// How many requests needed a preflight that is not in the file: the judge says so.
    pub unasked: usize,
}

impl Doubts {
    /// In words.
    pub fn told(self) -> Vec<String> {
        let Self {
            skipped,
            silent,
            unsent,
            provisional,
            late,
            is_partial,
            unasked,
        } = self;
        let counted = [
            (skipped, "entries are not http or https, and were left out"),
            (
                silent,
                "requests have no answer in the file, and it does not say why. A request that the browser blocks looks like \
                 that: its console has the reason (`corstap explain \"MESSAGE\"`), and `corstap run` sees the answer",
            ),
            (
                unsent,
                "requests without an answer were left out: their preflight stands in their place, and they may never have been sent",
            ),
            (
                provisional,
                "requests are without the fields that were sent (no Host, Origin or Sec-Fetch field), so that nobody knows \
                 which origin asked",
            ),
            (
                unasked,
                "requests need a preflight, and the file has none. Browsers leave preflights out of their files, or had an \
                 answer in their cache",
            ),
            (
                late,
                "entries come so late in the file that earlier ones had been judged: what links them may be missing",
            ),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0);
        let mut told: Vec<String> = counted
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if is_partial {
            let told_of_it = "the file is too large to be put in order as a whole: what connections tell of \
                credentials was left out";
            told.push(told_of_it.to_owned());
        }
        told
    }
}
