//! Takes out code that Leptos compiles in but this app never calls.
//!
//! An erased view, attribute or route is a table of functions. A table names them all, so neither the compiler nor the
//! linker can leave one out, even if nobody reads that row:
//!
//! - `hydrate_async` takes a page over piece by piece while parts arrive. The browser's side has what a page needs
//!   before it takes the page over (`app::hydrate`).
//! - `hydrate_from_template` belongs to a macro that no page uses.
//! - `generate_routes` makes the server's list of pages.
//!
//! Together they are a sixth of all code. Each becomes a single `unreachable`, and what it refers to is forgotten with
//! it. Whoever called one after all would end there: on the first page of the first browser test.

use std::collections::HashSet;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{BinaryReader, KnownCustom, Name, Parser, Payload, RelocSectionReader, TypeRef};

/// What the mangled names of these functions hold.
const UNUSED: [&str; 3] = [
    "tachys..view..any_view..IntoAny$GT$8into_any13hydrate_async17h",
    "any_attribute..IntoAnyAttribute$GT$13into_any_attr21hydrate_from_template17h",
    "any_nested_route..IntoAnyNestedRoute$GT$21into_any_nested_route15generate_routes17h",
];

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const END: u8 = 0x0b;
const CUSTOM_SECTION: u8 = 0;

/// The module without the bodies of these functions. Nothing moves in it but the section of relocations.
pub fn take_out(module: &[u8]) -> Result<Vec<u8>> {
    let Found { bodies, code_start, relocations } = find(module)?;
    let mut changed = module[..relocations.whole.start].to_vec();
    changed.extend(without(module, &relocations.content, &bodies, code_start)?);
    changed.extend(&module[relocations.whole.end..]);
    ensure!(bodies.iter().all(|body| body.end <= relocations.whole.start), "relocations stand before the code");
    for body in bodies {
        let code = &mut changed[body];
        // No locals, one instruction, and as many idle ones as the old body was long.
        code.fill(NOP);
        code[0] = 0;
        code[1] = UNREACHABLE;
        *code.last_mut().context("a body is never empty")? = END;
    }
    Ok(changed)
}

struct Found {
    bodies: Vec<Range<usize>>,
    code_start: usize,
    relocations: Section,
}

struct Section {
    /// With its header.
    whole: Range<usize>,
    /// After its name.
    content: Range<usize>,
}

fn find(module: &[u8]) -> Result<Found> {
    let (mut imported, mut code_start, mut bodies) = (0_u32, None, Vec::new());
    let (mut unused, mut met, mut relocations) = (HashSet::new(), [false; UNUSED.len()], None);
    let mut section_end = 8;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Some((_, range)) = payload.as_section() {
            let section_start = core::mem::replace(&mut section_end, index(range.end)?);
            if let Payload::CustomSection(section) = &payload
                && section.name() == "reloc.CODE"
            {
                let start = index(section.data_offset())?;
                relocations =
                    Some(Section { whole: section_start..section_end, content: start..start + section.data().len() });
            }
        }
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionStart { range, .. } => code_start = Some(index(range.start)?),
            Payload::CodeSectionEntry(body) => bodies.push(index(body.range().start)?..index(body.range().end)?),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names {
                        let Name::Function(functions) = name? else { continue };
                        for function in functions {
                            let function = function?;
                            if let Some(which) = UNUSED.iter().position(|part| function.name.contains(part)) {
                                met[which] = true;
                                unused.insert(function.index);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    if let Some(which) = met.iter().position(|met| !met) {
        bail!("no function's name holds {}: look at what Leptos calls it now", UNUSED[which]);
    }
    let bodies = bodies.into_iter().zip(imported..).filter(|(_, function)| unused.contains(function));
    Ok(Found {
        bodies: bodies.map(|(body, _)| body).collect(),
        code_start: code_start.context("the module has no code")?,
        relocations: relocations.context("the module was not linked with --emit-relocs")?,
    })
}

/// The section of relocations without those inside the bodies.
fn without(module: &[u8], content: &Range<usize>, bodies: &[Range<usize>], code_start: usize) -> Result<Vec<u8>> {
    let reader = RelocSectionReader::new(BinaryReader::new(&module[content.clone()], 0))?;
    let entries = reader.entries().into_iter_with_offsets().collect::<Result<Vec<_>, _>>()?;
    let starts = entries.iter().map(|(start, _)| index(*start)).chain([Ok(content.len())]);
    let starts = starts.collect::<Result<Vec<_>>>()?;
    let (mut kept, mut count) = (Vec::<u8>::new(), 0_u32);
    for ((_, entry), raw) in entries.iter().zip(starts.windows(2)) {
        let at = code_start + entry.offset as usize;
        let after = bodies.partition_point(|body| body.end <= at);
        if bodies.get(after).is_none_or(|body| at < body.start) {
            kept.extend(&module[content.start + raw[0]..content.start + raw[1]]);
            count += 1;
        }
    }
    let name = "reloc.CODE";
    let mut section = Vec::new();
    number(u32::try_from(name.len())?, &mut section);
    section.extend(name.as_bytes());
    number(reader.section_index(), &mut section);
    number(count, &mut section);
    section.extend(kept);
    let mut whole = vec![CUSTOM_SECTION];
    number(u32::try_from(section.len())?, &mut whole);
    whole.extend(section);
    Ok(whole)
}

/// Appends a number as WASM writes it (LEB128).
fn number(mut number: u32, to: &mut Vec<u8>) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

fn index(position: u64) -> Result<usize> {
    Ok(usize::try_from(position)?)
}
