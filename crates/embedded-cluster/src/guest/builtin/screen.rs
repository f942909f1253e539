//! Characters as pixels: light on dark, 8 by 16 each.

use font8x8::legacy::BASIC_LEGACY;

use super::terminal::{COLUMNS, ROWS, Terminal};

/// Pixels of one character across.
const CELL_WIDTH: usize = 8;
/// Pixels of one character down: the font's eight rows, each twice.
pub const CELL_HEIGHT: usize = 16;
/// Pixels across.
pub const WIDTH: usize = COLUMNS * CELL_WIDTH;
/// Pixels down.
pub const HEIGHT: usize = ROWS * CELL_HEIGHT;

const PAPER: [u8; 3] = [0x10, 0x18, 0x28];
const INK: [u8; 3] = [0xd8, 0xde, 0xe9];

/// The pixels of one row of characters, line by line.
pub fn row_pixels(terminal: &Terminal, row: usize) -> impl Iterator<Item = [u8; 3]> + '_ {
    let (cursor_column, cursor_row) = terminal.cursor();
    (0..CELL_HEIGHT).flat_map(move |line| {
        terminal.row(row).iter().enumerate().flat_map(move |(column, character)| {
            let glyph = BASIC_LEGACY.get(usize::from(*character)).map_or(0, |glyph| glyph[line / 2]);
            // The cursor is a bar below the character.
            let is_cursor = (column, row) == (cursor_column, cursor_row) && line >= CELL_HEIGHT - 2;
            let bits = if is_cursor { 0xff } else { glyph };
            (0..CELL_WIDTH).map(move |bit| if bits >> bit & 1 == 1 { INK } else { PAPER })
        })
    })
}

/// The whole screen as PNG.
pub fn png(terminal: &Terminal) -> Result<Vec<u8>, png::EncodingError> {
    let mut picture = Vec::new();
    let size = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut picture, size(WIDTH), size(HEIGHT));
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..ROWS).flat_map(|row| row_pixels(terminal, row)).flatten().collect();
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_the_screens_size_and_shows_its_text() {
        let terminal = Terminal::greeting(&["HI".to_owned()]);
        let picture = png(&terminal).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (WIDTH, HEIGHT));
        // The upper left of an H is ink, what stands between its two bars is paper.
        let at = |x: usize, y: usize| {
            [pixels[(y * WIDTH + x) * 3], pixels[(y * WIDTH + x) * 3 + 1], pixels[(y * WIDTH + x) * 3 + 2]]
        };
        assert_eq!(at(0, 0), INK);
        assert_eq!(at(3, 0), PAPER);
    }
}
