//! The servers start, listen, and are gone when dropped.

use gowasm_testbed::{BuildGrid, Casd, Programs};
use std::net::TcpStream;

fn listens(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("grpc://")).is_ok()
}

#[test]
fn servers_end_with_their_value() {
    let programs = match Programs::from_env() {
        Ok(programs) => programs,
        Err(why) => return println!("skipped: remote execution servers: {why:#}"),
    };
    let casd = Casd::start(&programs).unwrap();
    let url = casd.url();
    assert!(listens(&url));
    let casd = casd.restart().unwrap();
    assert!(listens(&url));
    drop(casd);
    assert!(!listens(&url));

    let grid = BuildGrid::start(&programs, 2).unwrap();
    let url = grid.url();
    assert!(listens(&url), "{}", grid.said());
    drop(grid);
    assert!(!listens(&url));
}
