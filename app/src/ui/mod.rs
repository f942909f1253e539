//! Parts that know nothing but how things look. They take data, never a context.

mod bar;
mod button;
mod dialog;
mod facts;
mod icon;
mod loaded;
mod mark;
mod menu;
mod notice;
mod pill;

pub use bar::Bar;
pub use button::{Look, button_class};
pub use dialog::{Cancel, Dialog};
pub use facts::{Fact, Facts, Panel, Quantity};
pub use icon::{Glyph, Icon};
pub use loaded::{Loaded, Skeleton};
pub use mark::Mark;
pub use menu::Menu;
pub use notice::{Empty, ErrorPage, ErrorPanel, Notice, Tone};
pub use pill::{Pill, StateLook, Swatch, looks};
