//! Warnings about modules of others, which are many and which the user cannot mend, as one line.

use crate::Diagnostic;
use std::collections::BTreeMap;

/// What is to be shown, and the warnings that one line of it stands for.
pub fn fold(found: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let folds = |one: &Diagnostic| one.module.is_some() && !one.is_error();
    let (folded, mut shown): (Vec<_>, Vec<_>) = found.into_iter().partition(folds);
    let mut modules: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for one in &folded {
        let codes = modules.entry(one.module.as_deref().unwrap_or_default()).or_default();
        *codes.entry(one.code.unwrap_or("others")).or_default() += 1;
    }
    let told = modules.iter().map(|(module, codes)| {
        let codes = codes.iter().map(|(code, count)| format!("{code} x{count}"));
        format!("{module} ({})", codes.collect::<Vec<_>>().join(", "))
    });
    if !folded.is_empty() {
        let findings = if folded.len() == 1 { "finding" } else { "findings" };
        let told = told.collect::<Vec<_>>().join(", ");
        let message = format!("{} {findings} in modules of others: {told}", folded.len());
        shown.push(Diagnostic::warning(message).hint("-v shows each"));
    }
    (shown, folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_one_line_and_errors_stay() {
        let warning = |code, module: Option<&str>| {
            Diagnostic::warning("w").code(code).within(module.map(str::to_owned))
        };
        let error = Diagnostic::error("e").within(Some("x@v1".to_owned()));
        let (shown, folded) = fold(vec![
            warning("GW018", Some("y@v2")),
            warning("GW018", None),
            error.clone(),
            warning("GW018", Some("x@v1")),
            warning("GW027", Some("x@v1")),
            warning("GW018", Some("x@v1")),
        ]);
        assert_eq!(shown[..2], [warning("GW018", None), error]);
        assert_eq!(
            shown[2].message,
            "4 findings in modules of others: x@v1 (GW018 x2, GW027 x1), y@v2 (GW018 x1)"
        );
        assert_eq!((shown.len(), folded.len()), (3, 4));
        assert_eq!(fold(vec![warning("GW018", None)]).0.len(), 1);
    }
}
