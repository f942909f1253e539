//! The second half of the form: what most people leave as it is, folded away.

use leptos::prelude::*;
use model::create::{Bus, ExtraDisk, Firmware, MachineDraft, NetworkChoice, Tpm};

use super::controls::{Choice, Field, Line, Lines, Tick, flag, text, word};
use super::state::Form;
use crate::ui::{Glyph, Icon, Look, button_class};

/// A part that is folded away. Its fields are sent all the same.
#[component]
fn Folded(
    title: &'static str,
    /// What is chosen now, in a few words.
    about: Signal<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <details class="group min-w-0 border-t border-rule pt-3">
            <summary class="flex items-center gap-2 rounded-control">
                <span class="text-ink-faint transition-transform group-open:rotate-180">
                    <Icon glyph=Glyph::Down/>
                </span>
                <span class="text-lg font-strong">{title}</span>
                <span class="truncate text-sm text-ink-faint">{about}</span>
            </summary>
            <div class="mt-4 flex flex-col gap-4 pl-6">{children()}</div>
        </details>
    }
}

type Pairs = Vec<(String, String)>;

fn pairs(of: &[(&str, &str)]) -> Pairs {
    of.iter().map(|(value, name)| ((*value).to_owned(), (*name).to_owned())).collect()
}

/// Further disks, bus and storage class.
#[component]
pub fn Disks(form: Form) -> impl IntoView {
    let count = Memo::new(move |_| form.draft.with(|draft| draft.disks.len()));
    let about = Signal::derive(move || match count.get() {
        0 => "one disk, the cluster's default storage".to_owned(),
        more => format!("{} disks", more + 1),
    });
    let classes = Signal::derive(move || {
        form.options.with(|options| {
            let default = options.classes.iter().find(|class| class.is_default);
            let usual = default.map_or_else(
                || "The cluster's default (none is set)".to_owned(),
                |class| format!("The default ({})", class.name),
            );
            let mut listed = vec![(String::new(), usual)];
            listed.extend(options.classes.iter().map(|class| (class.name.clone(), class.name.clone())));
            listed
        })
    });
    let buses = Signal::derive(|| {
        pairs(&[
            ("auto", "What suits the system"),
            ("virtio", "virtio: fast, needs a driver"),
            ("sata", "SATA: known to every system"),
            ("scsi", "SCSI: for many disks, needs a driver"),
        ])
    });
    view! {
        <Folded title="Disks" about>
            <Choice
                form
                field=text!(storage_class)
                label="Storage class"
                options=classes
            />
            <Choice
                form
                field=word!(bus: Bus)
                label="How disks are attached"
                options=buses
            />
            {move || (0..count.get()).map(|index| view! { <More form index/> }).collect_view()}
            <div>
                <button
                    type="button"
                    class=button_class(Look::Plain)
                    on:click=move |_| form.change("disks", |draft| draft.disks.push(ExtraDisk { size: "10 GiB".to_owned() }))
                >
                    "Add a disk"
                </button>
            </div>
        </Folded>
    }
}

#[component]
fn More(form: Form, index: usize) -> impl IntoView {
    let size = Field {
        name: format!("disks.{index}").into(),
        read: move |draft: &MachineDraft| draft.disks.get(index).map(|disk| disk.size.clone()).unwrap_or_default(),
        write: move |draft: &mut MachineDraft, text| {
            if let Some(disk) = draft.disks.get_mut(index) {
                disk.size = text;
            }
        },
    };
    view! {
        <div class="flex items-end gap-2">
            <Line
                form
                field=size
                label="Further disk"
            />
            <button
                type="button"
                class=format!("{} h-9", button_class(Look::Quiet))
                aria-label="Leave this disk out"
                on:click=move |_| form.change("disks", |draft| {
                    if index < draft.disks.len() {
                        draft.disks.remove(index);
                    }
                })
            >
                <Icon glyph=Glyph::Close/>
            </button>
        </div>
    }
}

/// Where the network interface leads.
#[component]
pub fn Network(form: Form) -> impl IntoView {
    let choice = Memo::new(move |_| form.draft.with(|draft| draft.network));
    let about = Signal::derive(move || {
        match choice.get() {
            NetworkChoice::Masquerade => "the cluster's network",
            NetworkChoice::Bridge => "a bridge on the cluster's network",
            NetworkChoice::Multus => "a network of its own",
            NetworkChoice::Nothing => "none",
        }
        .to_owned()
    });
    let choices = Signal::derive(move || {
        let mut listed = pairs(&[
            ("masquerade", "The cluster's network (works everywhere, can be moved)"),
            ("bridge", "The cluster's network, as a bridge"),
            ("nothing", "None"),
        ]);
        if form.options.with(|options| !options.networks.is_empty()) {
            listed.insert(2, ("multus".to_owned(), "A network that an administrator made".to_owned()));
        }
        listed
    });
    let networks = Signal::derive(move || {
        let mut listed = vec![(String::new(), "Choose…".to_owned())];
        form.options.with(|options| listed.extend(options.networks.iter().map(|at| (at.clone(), at.clone()))));
        listed
    });
    view! {
        <Folded title="Network" about>
            <Choice
                form
                field=word!(network: NetworkChoice)
                label="Network"
                options=choices
            />
            {move || {
                (choice.get() == NetworkChoice::Multus)
                    .then(|| {
                        view! {
                            <Choice
                                form
                                field=text!(multus)
                                label="Which one"
                                options=networks
                            />
                        }
                    })
            }}
        </Folded>
    }
}

/// Account, password, keys, instructions.
#[component]
pub fn Access(form: Form) -> impl IntoView {
    let about = Signal::derive(move || {
        form.draft.with(|draft| {
            let has = [
                (!draft.user.is_empty() || !draft.password.0.is_empty(), "an account"),
                (!draft.ssh_keys.trim().is_empty(), "keys"),
                (!draft.user_data.trim().is_empty(), "your own instructions"),
                (!draft.sysprep.trim().is_empty(), "an answer file"),
            ];
            let said: Vec<_> = has.iter().filter(|(is_there, _)| *is_there).map(|(_, what)| *what).collect();
            if said.is_empty() { "as the image or the set-up has it".to_owned() } else { said.join(", ") }
        })
    });
    view! {
        <Folded title="Access" about>
            <p class="prose-line max-w-[60ch] text-sm text-ink-quiet">
                "Images with cloud-init take these at the first start. A set-up from a disc asks for an account itself."
            </p>
            <Line
                form
                field=text!(user)
                label="Account"
                placeholder="ana"
            />
            <Line
                form
                field=text!(password.0)
                label="Password"
                kind="password"
                hint="Kept in a Secret of the cluster, never in this browser."
            />
            <Lines
                form
                field=text!(ssh_keys)
                label="SSH public keys, one a line"
                placeholder="ssh-ed25519 AAAA… ana@laptop"
                hint="Kept for your next machines."
            />
            <KeptKeys form/>
            <Lines
                form
                field=text!(user_data)
                label="cloud-init user-data"
                placeholder="#cloud-config"
                hint="Replaces account and password above. Longer than 2048 bytes, it goes into a Secret by itself."
                rows=6
            />
            <Lines
                form
                field=text!(sysprep)
                label="Windows answer file (autounattend.xml)"
                placeholder="<unattend …>"
            />
        </Folded>
    }
}

/// Offers the keys of the last machine, where there are some and none is filled in.
#[component]
fn KeptKeys(form: Form) -> impl IntoView {
    let kept = move || form.options.with(|options| options.ssh_keys.clone());
    let is_offered =
        Memo::new(move |_| !kept().is_empty() && form.draft.with(|draft| draft.ssh_keys.trim().is_empty()));
    // Type, key, comment: whoever has written none sees the type.
    let named = |key: &str| {
        let mut words = key.split_whitespace();
        let kind = words.next().unwrap_or_default();
        words.nth(1).unwrap_or(kind).to_owned()
    };
    let names = move || kept().lines().map(named).collect::<Vec<_>>().join(", ");
    view! {
        <Show when=move || is_offered.get()>
            <button
                type="button"
                class=format!("{} self-start", button_class(Look::Plain))
                on:click=move |_| form.change("ssh_keys", |draft| draft.ssh_keys = untrack(kept))
            >
                {move || format!("Use yours: {}", names())}
            </button>
        </Show>
    }
}

/// Place, firmware and devices.
#[component]
pub fn Special(form: Form) -> impl IntoView {
    let about = Signal::derive(|| "what suits the system".to_owned());
    let firmware = Signal::derive(|| {
        pairs(&[
            ("auto", "What suits the system"),
            ("bios", "BIOS"),
            ("efi", "EFI"),
            ("secure_boot", "EFI with Secure Boot"),
        ])
    });
    let tpm = Signal::derive(|| {
        pairs(&[
            ("auto", "What suits the system"),
            ("off", "None"),
            ("temporary", "One that is empty after each stop"),
            ("kept", "One that keeps its keys"),
        ])
    });
    let has_devices = Memo::new(move |_| form.options.with(|options| !options.devices.is_empty()));
    view! {
        <Folded title="Place, firmware, devices" about>
            <Line
                form
                field=text!(node)
                label="Only on this node"
                placeholder="any"
            />
            <Tick
                form
                field=flag!(apart)
                label="Keep away from machines of the same name (web-1, web-2, …)"
            />
            <Choice
                form
                field=word!(firmware: Firmware)
                label="Firmware"
                options=firmware
            />
            <Choice
                form
                field=word!(tpm: Tpm)
                label="Security chip (TPM)"
                options=tpm
            />
            <Tick
                form
                field=flag!(no_tablet)
                label="A mouse instead of a tablet"
            />
            <Tick
                form
                field=flag!(no_drivers)
                label="No driver disc for Windows"
            />
            <Tick form field=flag!(sound) label="A sound card"/>
            {move || {
                has_devices
                    .get()
                    .then(|| {
                        let hint = form.options.with_untracked(|options| options.devices.join(", "));
                        view! {
                            <Lines
                                form
                                field=text!(devices)
                                label="Devices of the node, one a line"
                                rows=2
                            />
                            <p class="text-sm text-ink-faint">"The cluster permits: " {hint}</p>
                        }
                    })
            }}
        </Folded>
    }
}
