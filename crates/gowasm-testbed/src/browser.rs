//! A real browser without a window.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Opens a page and gives what it looks like, as HTML, when its scripts have nothing left to do. The
/// error says that no browser can be started.
pub fn open(page: &Path) -> io::Result<String> {
    let profile = tempfile::tempdir()?;
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,800"]);
    browser.arg(format!("--user-data-dir={}", profile.path().display()));
    // Timers go off at once, and the page is looked at when all of them did.
    browser.arg("--virtual-time-budget=60000");
    browser.arg("--dump-dom").arg(format!("file://{}", page.display()));
    let output = browser.stderr(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
