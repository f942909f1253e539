//! How one pixel is written.

/// Layout of pixels, as the client chooses it with `SetPixelFormat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelFormat {
    /// 8, 16 or 32.
    pub bits_per_pixel: u8,
    /// Bits that mean something.
    pub depth: u8,
    /// Order of the bytes of a pixel.
    pub big_endian: bool,
    /// `false` for pixels that are indexes into a colour map.
    pub true_colour: bool,
    /// Largest values of red, green and blue.
    pub max: [u16; 3],
    /// Positions of red, green and blue.
    pub shift: [u8; 3],
}

impl PixelFormat {
    /// Bytes of the format on the wire.
    pub const SIZE: usize = 16;

    /// 32 bits, `0x00RRGGBB` in little-endian order: what servers usually start with.
    pub const RGB32: Self =
        Self { bits_per_pixel: 32, depth: 24, big_endian: false, true_colour: true, max: [255; 3], shift: [16, 8, 0] };

    /// Reads a format; the three bytes of padding at its end are ignored.
    pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
        let max = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Self {
            bits_per_pixel: bytes[0],
            depth: bytes[1],
            big_endian: bytes[2] != 0,
            true_colour: bytes[3] != 0,
            max: [max(4), max(6), max(8)],
            shift: [bytes[10], bytes[11], bytes[12]],
        }
    }

    /// Writes the format.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend([self.bits_per_pixel, self.depth, self.big_endian.into(), self.true_colour.into()]);
        for max in self.max {
            out.extend(max.to_be_bytes());
        }
        out.extend(self.shift);
        out.extend([0; 3]);
    }

    /// Whether pixels can be written in this format: true colour, 8, 16 or 32 bits, and shifts that stay inside.
    pub fn is_usable(&self) -> bool {
        self.true_colour
            && matches!(self.bits_per_pixel, 8 | 16 | 32)
            && self.shift.iter().all(|shift| *shift < self.bits_per_pixel)
    }

    /// Bytes of one pixel.
    pub const fn bytes_per_pixel(&self) -> usize {
        self.bits_per_pixel as usize / 8
    }

    /// Writes one pixel. The format has to be usable.
    pub fn put(&self, rgb: [u8; 3], out: &mut Vec<u8>) {
        let mut value = 0_u32;
        for ((level, max), shift) in rgb.into_iter().zip(self.max).zip(self.shift) {
            let scaled = (u32::from(level) * u32::from(max) + 127) / 255;
            value |= scaled.checked_shl(u32::from(shift)).unwrap_or(0);
        }
        let (little, big) = (value.to_le_bytes(), value.to_be_bytes());
        let size = self.bytes_per_pixel().min(4);
        out.extend(if self.big_endian { &big[4 - size..] } else { &little[..size] });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(format: &PixelFormat, rgb: [u8; 3]) -> Vec<u8> {
        let mut out = Vec::new();
        format.put(rgb, &mut out);
        out
    }

    #[test]
    fn pixels_follow_their_format() {
        assert_eq!(pixel(&PixelFormat::RGB32, [1, 2, 3]), [3, 2, 1, 0]);
        let novnc = PixelFormat { shift: [0, 8, 16], ..PixelFormat::RGB32 };
        assert_eq!(pixel(&novnc, [1, 2, 3]), [1, 2, 3, 0]);
        let big = PixelFormat { big_endian: true, ..PixelFormat::RGB32 };
        assert_eq!(pixel(&big, [1, 2, 3]), [0, 1, 2, 3]);
        let rgb565 =
            PixelFormat { bits_per_pixel: 16, depth: 16, max: [31, 63, 31], shift: [11, 5, 0], ..PixelFormat::RGB32 };
        assert_eq!(pixel(&rgb565, [255, 0, 255]), [0x1f, 0xf8]);
    }

    #[test]
    fn colour_maps_and_odd_sizes_are_not_usable() {
        assert!(PixelFormat::RGB32.is_usable());
        assert!(!PixelFormat { true_colour: false, ..PixelFormat::RGB32 }.is_usable());
        assert!(!PixelFormat { bits_per_pixel: 24, ..PixelFormat::RGB32 }.is_usable());
        assert!(!PixelFormat { shift: [32, 0, 0], ..PixelFormat::RGB32 }.is_usable());
    }

    #[test]
    fn a_format_reads_back_as_written() {
        let mut bytes = Vec::new();
        PixelFormat::RGB32.encode(&mut bytes);
        assert_eq!(PixelFormat::decode(bytes.as_slice().try_into().unwrap()), PixelFormat::RGB32);
    }
}
