//! Characters in rows: what the stand-in's screen shows.

/// Characters in a row.
pub const COLUMNS: usize = 80;
/// Rows.
pub const ROWS: usize = 25;

/// A grid of ASCII characters with a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    rows: Vec<[u8; COLUMNS]>,
    column: usize,
    row: usize,
}

impl Terminal {
    /// A screen with some lines and a prompt below them.
    pub fn greeting(lines: &[String]) -> Self {
        let mut terminal = Self { rows: vec![[b' '; COLUMNS]; ROWS], column: 0, row: 0 };
        for character in lines.iter().flat_map(|line| line.chars().chain(['\n'])) {
            terminal.write(character);
        }
        terminal.prompt();
        terminal
    }

    /// What one typed character does: it is echoed, a new line prompts again.
    pub fn put(&mut self, character: char) {
        match character {
            '\n' => {
                self.new_line();
                self.prompt();
            }
            '\u{8}' if self.column > 2 => {
                self.column -= 1;
                self.rows[self.row][self.column] = b' ';
            }
            '\u{8}' => {}
            other => self.write(other),
        }
    }

    /// One row of characters.
    pub fn row(&self, row: usize) -> &[u8; COLUMNS] {
        &self.rows[row]
    }

    /// Column and row of the cursor.
    pub const fn cursor(&self) -> (usize, usize) {
        (self.column, self.row)
    }

    fn prompt(&mut self) {
        self.write('>');
        self.write(' ');
    }

    fn write(&mut self, character: char) {
        if character == '\n' {
            return self.new_line();
        }
        if self.column == COLUMNS {
            self.new_line();
        }
        let is_plain = character.is_ascii_graphic() || character == ' ';
        self.rows[self.row][self.column] = if is_plain { character as u8 } else { b'?' };
        self.column += 1;
    }

    fn new_line(&mut self) {
        self.column = 0;
        if self.row + 1 == ROWS {
            self.rows.remove(0);
            self.rows.push([b' '; COLUMNS]);
        } else {
            self.row += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(terminal: &Terminal, row: usize) -> String {
        String::from_utf8_lossy(terminal.row(row)).trim_end().to_owned()
    }

    #[test]
    fn typing_is_echoed_behind_a_prompt() {
        let mut terminal = Terminal::greeting(&["hello".to_owned()]);
        "lsx\u{8}\n".chars().for_each(|character| terminal.put(character));
        assert_eq!([text(&terminal, 0), text(&terminal, 1), text(&terminal, 2)], ["hello", "> ls", ">"]);
        terminal.put('\u{8}');
        assert_eq!(terminal.cursor(), (2, 2), "the prompt cannot be erased");
    }

    #[test]
    fn a_full_screen_scrolls_and_a_full_row_wraps() {
        let mut terminal = Terminal::greeting(&[]);
        for _ in 0..ROWS {
            terminal.put('\n');
        }
        "x".repeat(COLUMNS).chars().for_each(|character| terminal.put(character));
        assert_eq!(text(&terminal, ROWS - 1), "xx");
        assert_eq!(terminal.cursor(), (2, ROWS - 1));
    }
}
