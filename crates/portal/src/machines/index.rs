//! Machines joined with their instances, kept up to date by two watches.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use kubevirt::{VirtualMachine, VirtualMachineInstance};
use model::ObjectRef;
use model::live::LiveKind;

use super::Machine;
use crate::clock::{Clock, seconds};
use crate::cluster::watch::{Key, Store};
use crate::listing::Index;
use crate::live::Live;

/// All machines of the cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct MachineIndex {
    pub index: Arc<Index<Machine>>,
    /// The objects themselves. Both watches write; whoever joins a pair holds the lock for that long.
    parts: Arc<Mutex<Parts>>,
    live: Live,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Parts {
    machines: HashMap<Key, Arc<VirtualMachine>>,
    instances: HashMap<Key, Arc<VirtualMachineInstance>>,
}

impl MachineIndex {
    pub(crate) fn new(live: Live, clock: Arc<dyn Clock>) -> Self {
        Self { index: Arc::default(), parts: Arc::default(), live, clock }
    }

    /// What the watch of `VirtualMachine`s writes to.
    pub(crate) fn machines(&self) -> Machines {
        Machines(self.clone())
    }

    /// What the watch of `VirtualMachineInstance`s writes to.
    pub(crate) fn instances(&self) -> Instances {
        Instances(self.clone())
    }

    fn change(&self, key: &Key, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut parts);
        match parts.join(key, seconds(self.clock.now())) {
            Some(machine) => drop(self.index.insert(key, machine)),
            None => drop(self.index.remove(key)),
        }
        drop(parts);
        self.live.changed(LiveKind::Machine, Some(&key.0));
    }

    /// Looks again at machines whose normal time is over, so that rows change though no object does.
    pub(crate) fn look_again(&self) {
        let now = seconds(self.clock.now());
        let due: Vec<_> = self.index.every(|machine| machine.look_again.is_some_and(|at| at <= now));
        for machine in due {
            let key = (machine.at.namespace.to_string(), machine.at.name.to_string());
            self.change(&key, |_| {});
        }
    }

    fn gone<T>(&self, of: impl FnOnce(&Parts) -> &HashMap<Key, T>, listed: &HashSet<Key>) -> Vec<Key> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        of(&parts).keys().filter(|key| !listed.contains(*key)).cloned().collect()
    }
}

impl Parts {
    fn join(&self, key: &Key, now: i64) -> Option<Machine> {
        let vm = self.machines.get(key);
        let owner = |vmi: &&Arc<VirtualMachineInstance>| {
            let owner = vmi.metadata.controller().filter(|owner| owner.kind == "VirtualMachine");
            match (vm, owner) {
                // An instance that outlives its machine, or belongs to an earlier one of the same name.
                (None, Some(_)) => false,
                (Some(vm), Some(owner)) => vm.metadata.uid.as_ref().is_none_or(|uid| *uid == owner.uid),
                (_, None) => true,
            }
        };
        let vmi = self.instances.get(key).filter(owner);
        if vm.is_none() && vmi.is_none() {
            return None;
        }
        let at = ObjectRef::parse(&key.0, &key.1).ok()?;
        Some(Machine::new(at, vm.cloned(), vmi.cloned(), now))
    }
}

#[derive(Debug)]
pub(crate) struct Machines(MachineIndex);

impl Store for Machines {
    type Object = VirtualMachine;

    fn apply(&self, key: &Key, object: VirtualMachine) {
        self.0.change(key, |parts| drop(parts.machines.insert(key.clone(), Arc::new(object))));
    }

    fn delete(&self, key: &Key) {
        self.0.change(key, |parts| drop(parts.machines.remove(key)));
    }

    fn retain(&self, listed: &HashSet<Key>) {
        for key in self.0.gone(|parts| &parts.machines, listed) {
            self.delete(&key);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Instances(MachineIndex);

impl Store for Instances {
    type Object = VirtualMachineInstance;

    fn apply(&self, key: &Key, object: VirtualMachineInstance) {
        self.0.change(key, |parts| drop(parts.instances.insert(key.clone(), Arc::new(object))));
    }

    fn delete(&self, key: &Key) {
        self.0.change(key, |parts| drop(parts.instances.remove(key)));
    }

    fn retain(&self, listed: &HashSet<Key>) {
        for key in self.0.gone(|parts| &parts.instances, listed) {
            self.delete(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use model::machine::MachineState;
    use serde_json::{Value, from_value, json};

    fn key() -> Key {
        ("blue".to_owned(), "web".to_owned())
    }

    fn owned(uid: &str, phase: &str) -> Value {
        json!({"metadata": {"name": "web", "ownerReferences": [
            {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "web", "uid": uid, "controller": true}]},
            "status": {"phase": phase, "nodeName": "node1"}})
    }

    fn vm(uid: &str) -> VirtualMachine {
        from_value(json!({"metadata": {"name": "web", "uid": uid}})).unwrap()
    }

    #[test]
    fn machine_and_instance_are_joined_in_whatever_order_they_come() {
        let index = MachineIndex::new(Live::new(), Arc::new(ManualClock::default()));
        index.instances().apply(&key(), from_value(owned("1", "Running")).unwrap());
        assert!(index.index.get("blue", "web").is_none(), "an instance of a machine is no machine of its own");
        index.machines().apply(&key(), vm("1"));
        let machine = index.index.get("blue", "web").unwrap();
        assert_eq!(machine.state, MachineState::Running);
        index.instances().delete(&key());
        assert_eq!(index.index.get("blue", "web").unwrap().state, MachineState::Stopped);
        index.machines().delete(&key());
        assert!(index.index.get("blue", "web").is_none());
    }

    #[test]
    fn an_instance_of_an_earlier_machine_of_the_same_name_is_not_taken_for_this_one() {
        let index = MachineIndex::new(Live::new(), Arc::new(ManualClock::default()));
        index.machines().apply(&key(), vm("2"));
        index.instances().apply(&key(), from_value(owned("1", "Running")).unwrap());
        assert!(index.index.get("blue", "web").unwrap().vmi.is_none());
    }

    #[test]
    fn an_instance_without_a_machine_stands_for_itself() {
        let index = MachineIndex::new(Live::new(), Arc::new(ManualClock::default()));
        index.instances().apply(&key(), from_value(json!({"status": {"phase": "Running"}})).unwrap());
        assert_eq!(index.index.get("blue", "web").unwrap().state, MachineState::Running);
    }

    #[test]
    fn a_full_list_takes_away_what_it_does_not_name() {
        let index = MachineIndex::new(Live::new(), Arc::new(ManualClock::default()));
        index.machines().apply(&key(), vm("1"));
        index.machines().retain(&HashSet::new());
        assert!(index.index.get("blue", "web").is_none());
    }
}
