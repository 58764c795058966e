//! Holds our sort against the installed Go's: the same key sequences, where equal keys carry their
//! first position, must come out in one order. Where Go is missing, a digest of what Go answered
//! is used instead.

use std::fmt::Write as _;
use std::process::Command;

const GO_PROGRAM: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"sort"
)

type element struct{ key, first int }

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var count int
	for {
		if _, err := fmt.Fscan(in, &count); err != nil {
			return
		}
		data := make([]element, count)
		for i := range data {
			fmt.Fscan(in, &data[i].key)
			data[i].first = i
		}
		again := slices.Clone(data)
		sort.Slice(data, func(i, j int) bool { return data[i].key < data[j].key })
		slices.SortFunc(again, func(a, b element) int { return a.key - b.key })
		if !slices.Equal(data, again) {
			panic("sort.Slice and slices.SortFunc disagree")
		}
		for _, e := range data {
			fmt.Fprint(out, e.first, " ")
		}
		fmt.Fprintln(out)
	}
}
"#;

/// A small generator, so that the sequences are the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }
}

/// Sequences that reach every branch: all shapes, many equal keys, patterns that force reversal,
/// repair, scattering and, with organ pipes and saws, the heap.
fn sequences() -> Vec<Vec<i64>> {
    let mut numbers = Numbers(42);
    let mut all = Vec::new();
    for length in [0, 1, 2, 7, 8, 11, 12, 13, 24, 49, 50, 51, 97, 200, 611, 1500, 5000] {
        for spread in [1, 2, 5, 30, 1000, 1_000_000] {
            let random: Vec<i64> = (0..length).map(|_| numbers.below(spread) as i64).collect();
            let mut sorted = random.clone();
            sorted.sort();
            let mut nearly = sorted.clone();
            for _ in 0..3 {
                if length > 1 {
                    let a = numbers.below(length) as usize;
                    let b = numbers.below(length) as usize;
                    nearly.swap(a, b);
                }
            }
            let mut falling = sorted.clone();
            falling.reverse();
            let half = length as i64 / 2;
            let pipes: Vec<i64> = (0..length as i64).map(|i| half - (i - half).abs()).collect();
            let saw: Vec<i64> = (0..length as i64).map(|i| i % (spread as i64 + 3)).collect();
            all.extend([random, sorted, nearly, falling, pipes, saw]);
        }
    }
    all.push(adversary(4000));
    all
}

/// The sequence an adversary answers with when it fixes the order of elements only as it is asked,
/// so that every pivot turns out to be a bad one. Sorting it ends in the heap.
fn adversary(length: usize) -> Vec<i64> {
    let undecided = length as i64;
    let mut values = vec![undecided; length];
    // One known pair out of order, or the sort takes the sequence for sorted and decides it so.
    values[length / 4] = -1;
    let (mut decided, mut candidate) = (0, 0);
    let mut indices: Vec<usize> = (0..length).collect();
    gowasm_link::gosort::sort_by(&mut indices, |a, b| {
        if values[*a] == undecided && values[*b] == undecided {
            values[if *a == candidate { *a } else { *b }] = decided;
            decided += 1;
        }
        if values[*a] == undecided {
            candidate = *a;
        } else if values[*b] == undecided {
            candidate = *b;
        }
        values[*a] < values[*b]
    });
    values
}

fn ours(sequences: &[Vec<i64>]) -> String {
    let mut text = String::new();
    for sequence in sequences {
        let mut data: Vec<(i64, usize)> = sequence.iter().copied().zip(0..).collect();
        gowasm_link::gosort::sort_by(&mut data, |a, b| a.0 < b.0);
        for (_, first) in data {
            write!(text, "{first} ").unwrap();
        }
        text.push('\n');
    }
    text
}

fn theirs(go: &str, sequences: &[Vec<i64>]) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("main.go");
    let input = dir.path().join("input");
    let mut text = String::new();
    for sequence in sequences {
        write!(text, "{} ", sequence.len()).unwrap();
        for key in sequence {
            write!(text, "{key} ").unwrap();
        }
        text.push('\n');
    }
    std::fs::write(&source, GO_PROGRAM).unwrap();
    std::fs::write(&input, text).unwrap();
    let output = Command::new(go)
        .arg("run")
        .arg(&source)
        .current_dir(dir.path())
        .env("GOTOOLCHAIN", "local")
        .env("GO111MODULE", "off")
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .stdin(std::fs::File::open(&input).unwrap())
        .output()
        .ok()?;
    assert!(output.status.success(), "{go}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn equal_elements_land_where_go_puts_them() {
    let sequences = sequences();
    let ours = ours(&sequences);
    let listed = std::env::var("GOWASM_TEST_GOS").unwrap_or_default();
    let mut gos: Vec<&str> = listed.split(':').filter(|go| !go.is_empty()).collect();
    if gos.is_empty() {
        gos.push("go");
    }
    for go in gos {
        let Some(theirs) = theirs(go, &sequences) else {
            eprintln!("{go} does not start: only the recorded digest is checked");
            continue;
        };
        for (index, (a, b)) in ours.lines().zip(theirs.lines()).enumerate() {
            assert_eq!(a, b, "{go} orders sequence {index} ({:?}) differently", sequences[index]);
        }
        assert_eq!(ours.lines().count(), theirs.lines().count());
    }
    assert_eq!(crc32(ours.as_bytes()), RECORDED, "not what Go 1.26 answered when this was written");
}

/// Of Go's answer, which every version from 1.24 to 1.27 gives.
const RECORDED: u32 = 679_557_564;

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8)
            .fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg()))
    })
}
