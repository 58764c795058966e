//! One instance of a module, and the steps of a verification on it.

use crate::ending::{self, Seen};
use crate::engine::Loaded;
use crate::guest::{Guest, State, Stop, Watch, enter, place};
use crate::plan::{Checked, ReadyReturned};
use crate::value::Val;
use crate::world::World;
use crate::{Limits, plan::Bytes};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// One instance. What it answers after a `Stop` is worth nothing, but for a refusal.
pub(crate) struct Sandbox<'l> {
    guest: Box<dyn Guest + 'l>,
    /// What calls of this instance returned, under the names that the plan gave it.
    pub(crate) saved: HashMap<String, Val>,
}

impl<'l> Sandbox<'l> {
    pub(crate) fn new(
        loaded: &'l dyn Loaded,
        plan: &Arc<Checked>,
        limits: Limits,
        world: &World,
        watch: &Watch,
    ) -> Result<Self, Stop> {
        let guest = loaded.instantiate(State::new(plan, world, limits, watch)?)?;
        Ok(Sandbox { guest, saved: HashMap::new() })
    }

    /// Each step of a verification has all the steps of the limit, and output of its own.
    pub(crate) fn begin(&mut self, limits: Limits, time: Option<Duration>) {
        self.guest.state().begin(limits, time);
        self.guest.allow(limits.steps);
    }

    pub(crate) fn instructions(&mut self, limits: Limits) -> Option<u64> {
        Some(limits.steps.saturating_sub(self.guest.steps_left()?))
    }

    pub(crate) fn call(&mut self, export: &str, args: &[Val]) -> Result<Vec<Val>, Stop> {
        enter(&mut *self.guest, export, args)
    }

    pub(crate) fn place(&mut self, bytes: &[u8]) -> Result<u32, Stop> {
        place(&mut *self.guest, bytes)
    }

    /// Bytes put where the plan says; the error is a place outside of the memory.
    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), String> {
        self.guest.write(address, bytes).ok_or_else(|| ending::outside(bytes.len(), address))
    }

    pub(crate) fn holds(&mut self, address: u32, wanted: &Bytes) -> Result<(), String> {
        ending::holds(&mut *self.guest, address, wanted)
    }

    pub(crate) fn compare(
        &mut self,
        wanted: &ReadyReturned,
        found: Option<&Val>,
    ) -> Result<Option<String>, String> {
        ending::compare(wanted, found, &mut *self.guest)
    }

    /// What a step left behind.
    pub(crate) fn seen(&mut self) -> Seen<'_> {
        let state = self.guest.state();
        Seen {
            stdout: &state.wasi.streams.stdout,
            stderr: &state.wasi.streams.stderr,
            memory_denied: state.limiter.denied,
            host_calls: &state.host_calls,
        }
    }
}
