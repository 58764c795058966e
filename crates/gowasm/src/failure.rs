//! Why a command stopped is the same as why a build does.

pub(crate) use gowasm_build::Failure;
