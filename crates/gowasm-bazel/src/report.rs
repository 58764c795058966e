//! What a test program tells with `-test.v=test2json`, as the XML that Bazel and CI systems read: a case a
//! test.

use crate::{Failure, files};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// How a test program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Code(i32),
    Signal,
    /// It was ended after so long.
    Time(Duration),
    Interrupt,
}

impl End {
    /// Why that is no success.
    fn failure(self) -> Option<String> {
        match self {
            End::Code(0) => None,
            End::Code(code) => Some(format!("the program exited with {code}")),
            End::Signal => Some("the program was stopped by a signal".to_owned()),
            End::Time(time) => {
                Some(format!("the program did not end within {:.1} s", time.as_secs_f64()))
            }
            End::Interrupt => Some("the program was interrupted".to_owned()),
        }
    }
}

/// Begins a line that is the testing package's own.
const MARK: u8 = 0x16;

#[derive(Debug, Default)]
pub struct Report {
    cases: Vec<Case>,
    /// Whose output follows.
    current: Option<usize>,
}

#[derive(Debug)]
struct Case {
    name: String,
    ended: Option<Ended>,
    /// In seconds, as Go writes them.
    time: String,
    output: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Pass,
    Fail,
    Skip,
}

impl Report {
    /// Takes a line of the program's output, and gives what people are to see of it.
    pub fn line<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        // An unfinished line of a test may stand before the mark.
        let at = line.iter().position(|byte| *byte == MARK);
        let (before, own) = match at {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, [].as_slice()),
        };
        self.output(before);
        let own = String::from_utf8_lossy(own);
        let mut words = own.split_whitespace();
        match (words.next(), words.next(), words.next(), words.next()) {
            // No test's output follows, which is of no interest to people.
            (Some("==="), Some("NAME"), None, None) => {
                self.current = None;
                return before;
            }
            (Some("==="), Some("RUN" | "CONT" | "NAME"), Some(name), None) => self.go_to(name),
            (Some("---"), Some(how @ ("PASS:" | "FAIL:" | "SKIP:")), Some(name), Some(time)) => {
                self.end(name, how, time);
            }
            _ => {}
        }
        if at == Some(0) { &line[1..] } else { line }
    }

    fn output(&mut self, bytes: &[u8]) {
        if let Some(case) = self.current.and_then(|at| self.cases.get_mut(at)) {
            case.output.push_str(&String::from_utf8_lossy(bytes));
        }
    }

    fn go_to(&mut self, name: &str) {
        // From the end: a name comes again with -test.count.
        let known = self.cases.iter().rposition(|case| case.name == name && case.ended.is_none());
        self.current = Some(known.unwrap_or(self.cases.len()));
        if known.is_none() {
            let (time, output) = (String::new(), String::new());
            self.cases.push(Case { name: name.to_owned(), ended: None, time, output });
        }
    }

    fn end(&mut self, name: &str, how: &str, time: &str) {
        self.go_to(name);
        let Some(case) = self.current.and_then(|at| self.cases.get_mut(at)) else { return };
        case.time = time.trim_matches(['(', ')', 's']).to_owned();
        case.ended = Some(match how {
            "PASS:" => Ended::Pass,
            "SKIP:" => Ended::Skip,
            _ => Ended::Fail,
        });
    }

    /// Writes the XML of a program that ended like this.
    pub fn write(&self, name: &str, end: &End, place: &Path) -> Result<(), Failure> {
        files::write(place, self.xml(name, *end).as_bytes())
    }

    fn xml(&self, name: &str, end: End) -> String {
        let failed = |case: &&Case| matches!(case.ended, None | Some(Ended::Fail));
        let number = self.cases.iter().filter(failed).count();
        // A program that failed with no test of its own to blame.
        let program = end.failure().filter(|_| number == 0);
        let skipped = self.cases.iter().filter(|case| case.ended == Some(Ended::Skip)).count();
        let (extra, name) = (usize::from(program.is_some()), escaped(name));
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
             <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{skipped}\">\n",
            self.cases.len() + extra,
            number + extra,
        );
        let unfinished = match end.failure() {
            Some(why) => format!("<failure message=\"did not end: {why}\"/>"),
            None => "<failure message=\"did not end\"/>".to_owned(),
        };
        for case in &self.cases {
            let (time, test) = (escaped(&case.time), escaped(&case.name));
            let _ =
                write!(text, "    <testcase classname=\"{name}\" name=\"{test}\" time=\"{time}\">");
            text += match case.ended {
                Some(Ended::Pass) => "",
                Some(Ended::Skip) => "<skipped/>",
                Some(Ended::Fail) => "<failure message=\"failed\"/>",
                None => &unfinished,
            };
            let _ = writeln!(text, "<system-out>{}</system-out></testcase>", escaped(&case.output));
        }
        if let Some(why) = program {
            let _ = writeln!(
                text,
                "    <testcase classname=\"{name}\" name=\"{name}\"><failure message=\"{why}\"/></testcase>"
            );
        }
        text + "  </testsuite>\n</testsuites>\n"
    }
}

/// Text and attributes alike; XML has no words for most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_is_a_case_with_its_output() {
        let mut report = Report::default();
        let said = "\u{16}=== NAME  \n\u{16}=== RUN   TestA\n--- FAIL: TestFaked (0.00s)\n\u{16}=== RUN   TestA/b<c\n    x_test.go:1: <no>\n\
            \u{16}--- FAIL: TestA (0.01s)\n\u{16}    --- FAIL: TestA/b<c (0.00s)\n\
            \u{16}=== RUN   TestS\n\u{16}--- SKIP: TestS (0.00s)\nunfinished\u{16}=== RUN   TestP\n\u{1}panic\n";
        let seen: Vec<&[u8]> =
            said.split_inclusive('\n').map(|line| report.line(line.as_bytes())).collect();
        assert_eq!(seen[..2], [b"".as_slice(), b"=== RUN   TestA\n"]);
        let xml = report.xml("//a:b", End::Code(2));
        for part in [
            "<testsuite name=\"//a:b\" tests=\"4\" failures=\"3\" errors=\"0\" skipped=\"1\">",
            "name=\"TestA\" time=\"0.01\"><failure message=\"failed\"/><system-out>--- FAIL: TestFaked (0.00s)\n</system-out>",
            "name=\"TestA/b&lt;c\" time=\"0.00\"><failure message=\"failed\"/><system-out>    x_test.go:1: &lt;no&gt;\n</system-out>",
            "name=\"TestS\" time=\"0.00\"><skipped/><system-out>unfinished</system-out>",
            "name=\"TestP\" time=\"\"><failure message=\"did not end: the program exited with 2\"/><system-out>\u{fffd}panic\n</system-out>",
        ] {
            assert!(xml.contains(part), "no {part} in\n{xml}");
        }
    }

    #[test]
    fn a_program_that_fails_by_itself_is_a_case() {
        let xml = Report::default().xml("//a:b", End::Code(3));
        assert!(xml.contains("tests=\"1\" failures=\"1\""), "{xml}");
        assert!(xml.contains("<failure message=\"the program exited with 3\"/>"), "{xml}");
        assert!(
            Report::default().xml("//a:b", End::Code(0)).contains("tests=\"0\" failures=\"0\"")
        );
    }
}
