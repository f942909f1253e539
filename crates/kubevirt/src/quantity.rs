//! Kubernetes quantities: `128Mi`, `500m`, `2`, `1.5G`, `12e6`.

const SUFFIXES: [(&str, f64); 16] = [
    // The two-letter ones first: "Mi" also ends in what "M" would match.
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

/// The value of a quantity, in whole units rounded up, as Kubernetes' `Value()` does; `None` if it is not one.
pub fn value(text: &str) -> Option<u64> {
    scaled(text, 1.0)
}

/// The value of a quantity in thousandths: `1500` for `1.5` CPUs.
pub fn milli_value(text: &str) -> Option<u64> {
    scaled(text, 1000.0)
}

/// A number of bytes as a quantity, with the largest binary suffix that leaves a whole number: `64Mi`, `71135396`.
pub fn binary(bytes: u64) -> String {
    let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let steps = if bytes == 0 { 0 } else { (bytes.trailing_zeros() / 10).min(6) };
    format!("{}{}", bytes >> (10 * steps), suffixes[steps as usize])
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be finite and not negative; beyond 2^64 the cast saturates"
)]
fn scaled(text: &str, by: f64) -> Option<u64> {
    let text = text.trim();
    // "12e6" and "12E6" are exponents, "12E" is exa: a suffix counts only if the rest is a number.
    SUFFIXES.iter().find_map(|(suffix, factor)| {
        let number: f64 = text.strip_suffix(suffix)?.parse().ok()?;
        let exact = number * factor * by;
        // Rounds up, but not because of the last bit of a fraction such as 0.1.
        (exact.is_finite() && exact >= 0.0).then(|| (exact - (exact * 1e-12).min(1e-6)).ceil() as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("128Mi", 134_217_728),
            ("1G", 1_000_000_000),
            ("1.5Gi", 1_610_612_736),
            ("12e6", 12_000_000),
            ("2E", 2_000_000_000_000_000_000),
            ("100m", 1),
            ("64Ki", 65_536),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        assert_eq!(milli_value("100m"), Some(100));
        assert_eq!(milli_value("2"), Some(2000));
        assert_eq!(milli_value("0.1"), Some(100));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "Mi", "much", "-1Gi", "1Xi", "inf", "NaN"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_get_the_largest_suffix_that_leaves_a_whole_number() {
        for (bytes, text) in
            [(0, "0"), (1, "1"), (1024, "1Ki"), (64 << 20, "64Mi"), (71_135_396, "71135396"), (10 << 30, "10Gi")]
        {
            assert_eq!(binary(bytes), text);
            assert_eq!(value(text), Some(bytes));
        }
    }
}
