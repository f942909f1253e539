//! Sizes as people type them.

/// Bytes in a MiB.
pub const MIB: u64 = 1 << 20;
/// MiB in a GiB.
pub const GIB_IN_MIB: u64 = 1 << 10;

/// Reads a size in MiB: `4`, `4 GiB`, `512 MiB`, `1.5 TiB`, `20Gi`, `20G`. A bare number means GiB.
///
/// People who type `20 GB` get 20 GiB: the disk is then never smaller than what they meant.
pub fn mib(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "m" | "mi" | "mib" | "mb" => 1,
        "" | "g" | "gi" | "gib" | "gb" => GIB_IN_MIB,
        "t" | "ti" | "tib" | "tb" => GIB_IN_MIB * 1024,
        _ => return None,
    };
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 6 || fraction.contains(['.', ',']) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(factor)?.checked_add((part * factor).div_ceil(scale))
}

/// The size as Kubernetes writes it: `4Gi`, `512Mi`.
pub fn quantity(mib: u64) -> String {
    if mib > 0 && mib.is_multiple_of(GIB_IN_MIB) { format!("{}Gi", mib / GIB_IN_MIB) } else { format!("{mib}Mi") }
}

/// The size as a person reads it: `4 GiB`, `1.5 GiB`, `512 MiB`.
pub fn words(mib: u64) -> String {
    if mib < GIB_IN_MIB {
        return format!("{mib} MiB");
    }
    let tenths = mib.saturating_mul(10).saturating_add(GIB_IN_MIB / 2) / GIB_IN_MIB;
    if tenths.is_multiple_of(10) {
        format!("{} GiB", tenths / 10)
    } else {
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    }
}

/// Whole MiB that hold so many bytes.
pub const fn mib_of_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(MIB)
}

/// Memory in MiB that the pod around a guest takes besides the guest's own: KubeVirt's processes, page tables and a
/// little for each processor. KubeVirt's own sum differs by a few MiB between versions.
pub const fn overhead_mib(cpus: u64, memory_mib: u64) -> u64 {
    260 + 8 * cpus + memory_mib / 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, expected) in [
            ("4", 4096),
            (" 4 GiB ", 4096),
            ("4gb", 4096),
            ("512 MiB", 512),
            ("512Mi", 512),
            ("1.5", 1536),
            ("1,5 GiB", 1536),
            ("2T", 2 << 20),
        ] {
            assert_eq!(mib(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "GiB", "much", "-4", "4 KiB", "1.2.3", "4 4", "99999999999999999999", ".5"] {
            assert_eq!(mib(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_size_comes_back_from_how_kubernetes_writes_it(size in 1_u64..1 << 40) {
            prop_assert_eq!(mib(&quantity(size)), Some(size));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,24}") {
            let _ = mib(&text);
        }
    }
}
