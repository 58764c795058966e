//! Sizes and ages as people write them.

use std::time::Duration;

/// `5G`, `1.5GiB`, `300 MB`, `4096`. K, M, G and T count in 1024s, with or without `iB`; `KB`, `MB`,
/// `GB` and `TB` count in 1000s.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => {
            return Err(format!(
                "`{text}` is not a size: write a number and K, M, G or T, such as 5G"
            ));
        }
    };
    scaled(number, factor)
        .ok_or_else(|| format!("`{text}` is not a size: its number cannot be read"))
}

/// `30d`, `12h`, `90m`, `45s`, `2w`.
pub fn parse_age(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => {
            return Err(format!(
                "`{text}` is not an age: write a number and s, m, h, d or w, such as 30d"
            ));
        }
    };
    let seconds = scaled(number, factor);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` is not an age: its number cannot be read"))
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// Whole numbers exactly; a fraction to the nearest byte.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let value = number.parse::<f64>().ok()? * factor as f64;
    (value.is_finite() && value < u64::MAX as f64).then_some(value.round() as u64)
}

/// `0 B`, `9.1 MiB`.
pub fn show_size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("5G", 5 << 30),
            ("5GiB", 5 << 30),
            ("5gb", 5_000_000_000),
            ("1.5M", 3 << 19),
            (" 2 KiB ", 2048),
            (".5k", 512),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "G", "5X", "-1", "1.2.3", "99999999T", "1e3", "5 G B", "nan", "inf", "."] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_ages() {
        assert_eq!(parse_age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(parse_age("1.5h"), Ok(Duration::from_secs(5400)));
        for text in ["", "5", "d", "5y", "-1d"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shows_sizes() {
        assert_eq!(show_size(0), "0 B");
        assert_eq!(show_size(1023), "1023 B");
        assert_eq!(show_size(9 << 20), "9.0 MiB");
    }
}
