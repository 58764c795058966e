//! Bounds of a child process, which it and all that it starts keep.

use std::io;
use std::process::Command;

/// What a process may use.
#[derive(Debug, Clone, Copy)]
pub struct Confinement {
    /// Of its own: what it can write to and shares with nobody. Only Linux counts all of it.
    pub memory_bytes: u64,
    /// It reaches nothing but what it was given: on Linux it can open no sockets and start no processes.
    pub isolated: bool,
}

impl Confinement {
    #[cfg(unix)]
    pub fn apply(self, command: &mut Command) -> io::Result<()> {
        use std::os::unix::process::CommandExt;
        let bytes = libc::rlim_t::try_from(self.memory_bytes).unwrap_or(libc::RLIM_INFINITY);
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        let filters = if self.isolated { filters::all() } else { Vec::new() };
        let apply = move || {
            // SAFETY: setrlimit reads the struct that it is given and keeps nothing of it. A limit above
            // the one that there is changes nothing.
            unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) };
            // A kernel without filters has none: the caller says what is left then.
            filters.iter().for_each(filters::apply);
            Ok(())
        };
        // SAFETY: between fork and exec it makes system calls with what was prepared before, and
        // allocates nothing.
        unsafe { command.pre_exec(apply) };
        Ok(())
    }

    #[cfg(not(unix))]
    pub fn apply(self, _command: &mut Command) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod filters {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };
    use std::collections::BTreeMap;

    type Rules = BTreeMap<i64, Vec<SeccompRule>>;

    /// None for a processor that they are not known for.
    pub(super) fn all() -> Vec<BpfProgram> {
        let refused = [(refused(), libc::EPERM), (missing(), libc::ENOSYS)];
        refused.into_iter().filter_map(|(rules, errno)| compiled(rules?, errno)).collect()
    }

    pub(super) fn apply(filter: &BpfProgram) {
        let _ = seccompiler::apply_filter(filter);
    }

    fn compiled(rules: Rules, errno: i32) -> Option<BpfProgram> {
        let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
        let errno = SeccompAction::Errno(errno as u32);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch).ok()?;
        filter.try_into().ok()
    }

    fn refused() -> Option<Rules> {
        // A thread is made by `clone` too.
        let threads = libc::CLONE_THREAD as u64;
        let no_thread = SeccompCmpOp::MaskedEq(threads);
        let no_thread = SeccompCondition::new(0, SeccompCmpArgLen::Qword, no_thread, 0).ok()?;
        let process = SeccompRule::new(vec![no_thread]).ok()?;
        let mut rules = Rules::from([(libc::SYS_socket, vec![]), (libc::SYS_clone, vec![process])]);
        #[cfg(target_arch = "x86_64")]
        rules.extend([(libc::SYS_fork, vec![]), (libc::SYS_vfork, vec![])]);
        Some(rules)
    }

    /// What libraries do in another way where a kernel does not have it. It could be told neither what
    /// kind of process is made, nor what is opened.
    fn missing() -> Option<Rules> {
        Some(Rules::from([(libc::SYS_clone3, vec![]), (libc::SYS_io_uring_setup, vec![])]))
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod filters {
    pub(super) fn all() -> Vec<()> {
        Vec::new()
    }

    pub(super) fn apply(_: &()) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_sockets_no_processes_and_little_memory() {
        let confined = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            Confinement { memory_bytes: 64 << 20, isolated: true }
                .apply(command.args(args))
                .unwrap();
            let output = crate::output(&mut command).unwrap();
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        // Of the shell itself, and of a child.
        assert!(confined("sh", &["-c", "exit 0"]).0);
        let (well, said) = confined("sh", &["-c", "cat /dev/null; true"]);
        assert!(!well, "{said}");
        let connect = "exec 3<>/dev/tcp/127.0.0.1/9";
        let (well, said) = confined("bash", &["-c", connect]);
        assert!(!well && said.contains("not permitted"), "{said}");
        let (well, said) = confined("bash", &["-c", "x=x; while :; do x=$x$x; done"]);
        assert!(!well && said.contains("cannot allocate"), "{said}");
    }
}
