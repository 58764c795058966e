//! What a build is doing, on stderr: a spinner on a terminal, plain lines elsewhere.

use crate::context::{Context, Verbosity};
use gowasm_build::Progress;
use gowasm_diagnostic::{Diagnostic, printable};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

pub(crate) struct Bar<'a> {
    context: &'a Context,
    bar: Option<ProgressBar>,
}

impl<'a> Bar<'a> {
    pub(crate) fn new(context: &'a Context) -> Self {
        let wanted = context.verbosity > Verbosity::Quiet && std::io::stderr().is_terminal();
        let bar = wanted.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        Bar { context, bar }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn print(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Progress for Bar<'_> {
    fn phase(&self, what: &str) {
        match &self.bar {
            Some(bar) => {
                // Not before there is something to wait for: a build that has nothing to do stays dark.
                bar.enable_steady_tick(Duration::from_millis(100));
                bar.set_message(printable::line(what).into_owned());
            }
            None => self.context.say(what),
        }
    }

    fn detail(&self, line: &str) {
        if self.context.verbosity == Verbosity::Verbose {
            self.print(|| self.context.say(line));
        }
    }

    fn warn(&self, text: &str) {
        self.print(|| self.context.pass_on(text));
    }

    fn diagnostic(&self, warning: &Diagnostic) {
        self.print(|| self.context.report(warning));
    }
}
