//! Quantities that can be added up and written as Kubernetes writes them.

use std::fmt;
use std::ops::{Add, Sub};

use kubevirt::quantity;
use serde_json::Value;

/// A quantity, exact to a thousandth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount {
    thousandths: u128,
    /// Whether it was written with `Ki`, `Mi`, …, and is to be written so again.
    is_binary: bool,
}

impl Amount {
    /// So many things.
    pub(super) fn of_things(count: u64) -> Self {
        Self { thousandths: u128::from(count) * 1000, is_binary: false }
    }

    /// Reads a quantity, which may come as a number.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_fraction = text.contains('.') || text.ends_with(['m', 'u', 'n']);
        let thousandths = if is_fraction {
            u128::from(quantity::milli_value(&text)?)
        } else {
            u128::from(quantity::value(&text)?) * 1000
        };
        Some(Self { thousandths, is_binary: text.ends_with('i') })
    }

    /// In thousandths, as processors are counted.
    pub(crate) fn milli(self) -> u64 {
        u64::try_from(self.thousandths).unwrap_or(u64::MAX)
    }

    /// In whole units, as bytes are counted.
    pub(crate) fn whole(self) -> u64 {
        u64::try_from(self.thousandths.div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// Whether it is more than another, however the two are written.
    pub(super) fn exceeds(self, limit: Self) -> bool {
        self.thousandths > limit.thousandths
    }

    pub(super) fn is_zero(self) -> bool {
        self.thousandths == 0
    }
}

impl Add for Amount {
    type Output = Self;

    /// The sum is written as the first of the two is.
    fn add(self, other: Self) -> Self {
        let is_binary = if self.is_zero() { other.is_binary } else { self.is_binary };
        Self { thousandths: self.thousandths + other.thousandths, is_binary }
    }
}

impl Sub for Amount {
    type Output = Self;

    /// What is left, at least nothing.
    fn sub(self, other: Self) -> Self {
        Self { thousandths: self.thousandths.saturating_sub(other.thousandths), ..self }
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.thousandths.is_multiple_of(1000) {
            return write!(f, "{}m", self.thousandths);
        }
        let (units, base): (&[&str], u128) = if self.is_binary {
            (&["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], 1024)
        } else {
            (&["", "k", "M", "G", "T", "P", "E"], 1000)
        };
        let (mut number, mut unit) = (self.thousandths / 1000, 0);
        while number > 0 && number.is_multiple_of(base) && unit + 1 < units.len() {
            number /= base;
            unit += 1;
        }
        write!(f, "{number}{}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(texts: &[&str]) -> String {
        texts.iter().map(|text| Amount::read(&Value::from(*text)).unwrap()).sum::<Amount>().to_string()
    }

    #[test]
    fn sums_are_written_as_kubernetes_writes_them() {
        assert_eq!(sum(&["100m", "900m"]), "1");
        assert_eq!(sum(&["100m", "5m"]), "105m");
        assert_eq!(sum(&["128Mi", "274688Ki"]), "405760Ki");
        assert_eq!(sum(&["512Mi", "512Mi"]), "1Gi");
        assert_eq!(sum(&["600M", "60M"]), "660M");
        assert_eq!(sum(&["0", "64Mi"]), "64Mi", "nothing has no unit");
        assert_eq!(sum(&["71135396"]), "71135396");
        assert_eq!(sum(&[]), "0");
        assert_eq!(Amount::read(&10.into()).unwrap().to_string(), "10");
        assert_eq!(Amount::read(&"much".into()), None);
    }
}
