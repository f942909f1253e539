//! What a machine uses, over a range of time.

use serde::{Deserialize, Serialize};

use crate::chart::Chart;

/// How far back somebody looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// 15 minutes.
    Quarter,
    /// 1 hour.
    #[default]
    Hour,
    /// 6 hours.
    SixHours,
    /// 1 day.
    Day,
}

impl Range {
    /// All ranges, the shortest first.
    pub const ALL: [Self; 4] = [Self::Quarter, Self::Hour, Self::SixHours, Self::Day];

    /// The word that addresses use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "1d",
        }
    }

    /// The range that a word of an address means; the default one for words that mean none.
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|range| range.word() == word).unwrap_or_default()
    }

    /// What the button says.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Quarter => "15 min",
            Self::Hour => "1 hour",
            Self::SixHours => "6 hours",
            Self::Day => "1 day",
        }
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Quarter => 15 * 60,
            Self::Hour => 60 * 60,
            Self::SixHours => 6 * 60 * 60,
            Self::Day => 24 * 60 * 60,
        }
    }

    /// Seconds between two points, so that a chart has enough of them and no more than it can show.
    pub const fn step(self) -> i64 {
        match self {
            Self::Quarter | Self::Hour => 15,
            Self::SixHours => 120,
            Self::Day => 480,
        }
    }
}

/// Charts of a machine, or why there are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineMetrics {
    /// What is shown.
    pub range: Range,
    /// What could be shown; longer ranges need Prometheus.
    pub ranges: Vec<Range>,
    /// Where the numbers come from, in a sentence.
    pub source: String,
    /// Processors, memory, network, disks; those that the source knows.
    pub charts: Vec<Chart>,
    /// Why something is missing, and what to do.
    pub gaps: Vec<Gap>,
}

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What is so.
    pub title: String,
    /// What it means, and what to do.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_ranges_and_unknown_ones_to_the_default() {
        for range in Range::ALL {
            assert_eq!(Range::from_word(range.word()), range);
            assert!(range.seconds() / range.step() <= 240, "a line has no more points than a chart has room for");
        }
        assert_eq!(Range::from_word("1y"), Range::Hour);
    }
}
