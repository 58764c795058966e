//! Which warnings are errors.

use crate::failure::Failure;
use gowasm_directive::Deny;

#[derive(clap::Args, Default)]
pub(crate) struct DenyArgs {
    /// Fail where there is any warning that has a code, but for those about modules of others
    #[arg(long)]
    deny_warnings: bool,
    /// Fail where there is this warning, such as GW018; `warnings` means all of them
    #[arg(
        short = 'D',
        long,
        value_name = "CODE",
        env = "GOWASM_DENY",
        value_delimiter = ',',
        hide_env_values = true
    )]
    deny: Vec<String>,
}

impl DenyArgs {
    pub(crate) fn deny(&self) -> Result<Deny, Failure> {
        let mut words = self.deny.clone();
        words.extend(self.deny_warnings.then(|| "warnings".to_owned()));
        Deny::parse(&words).map_err(Failure::Usage)
    }

    /// Whether anything is asked for here.
    pub(crate) fn is_given(&self) -> bool {
        self.deny_warnings || !self.deny.is_empty()
    }
}
