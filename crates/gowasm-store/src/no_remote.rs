//! A store without the network client, for builds without the feature `remote`.

use crate::{
    ActionKey, ActionResult, Blobs, EncodedAction, Judge, RemoteUse, Servers, Store, StoreError,
};

impl Store {
    pub fn connect(&mut self, servers: &Servers) -> Result<(), StoreError> {
        if servers.options.cache_url().is_some() { Err(StoreError::NoClient) } else { Ok(()) }
    }

    pub fn remote_use(&self) -> Option<RemoteUse> {
        None
    }

    pub fn executes_remotely(&self) -> bool {
        false
    }

    pub fn execute(&self, _: &EncodedAction, _: Blobs) -> Result<ActionResult, StoreError> {
        Err(StoreError::NoExecutor)
    }

    pub fn execute_if(
        &self,
        _: &EncodedAction,
        _: Blobs,
        _: &Judge<'_>,
    ) -> Result<ActionResult, StoreError> {
        Err(StoreError::NoExecutor)
    }

    pub(crate) fn remote_action(&self, _: &ActionKey, _: &Judge<'_>) -> Option<ActionResult> {
        None
    }

    pub(crate) fn share(&self, _: &EncodedAction, _: &ActionResult) {}
}
