//! The stable codes of directive diagnostics. docs/diagnostics.md has a section for each; a number is
//! never given a second meaning.

pub(crate) const MALFORMED: &str = "GW001";
pub(crate) const NO_FUNCTION: &str = "GW002";
pub(crate) const METHOD: &str = "GW003";
pub(crate) const GENERIC: &str = "GW004";
pub(crate) const UNNAMED: &str = "GW005";
pub(crate) const EXPORT_WITHOUT_BODY: &str = "GW006";
pub(crate) const IMPORT_WITH_BODY: &str = "GW007";
pub(crate) const PARAMETER_TYPE: &str = "GW008";
pub(crate) const RESULT_TYPE: &str = "GW009";
pub(crate) const TOO_MANY_RESULTS: &str = "GW010";
pub(crate) const TWO_DIRECTIVES: &str = "GW011";
pub(crate) const EXPORT_AND_IMPORT: &str = "GW012";
pub(crate) const RESERVED: &str = "GW013";
pub(crate) const OWN_EXPORT: &str = "GW014";
pub(crate) const MAIN_IN_COMMAND: &str = "GW015";
pub(crate) const DUPLICATE_EXPORT: &str = "GW016";
pub(crate) const MISSPELLED: &str = "GW017";
pub(crate) const SPACE: &str = "GW018";
pub(crate) const SYMBOL: &str = "GW019";

pub(crate) const EXPORT_MISSING: &str = "GW020";
pub(crate) const EXPORT_SIGNATURE: &str = "GW021";
pub(crate) const EXPORT_UNNAMED: &str = "GW022";
pub(crate) const IMPORT_UNNAMED: &str = "GW023";
pub(crate) const IMPORT_SIGNATURE: &str = "GW024";
pub(crate) const OWN_EXPORT_MISSING: &str = "GW025";
pub(crate) const EXPORT_REPEATED: &str = "GW026";
pub(crate) const NOT_IN_WASI: &str = "GW027";
pub(crate) const OTHER_THAN_WASI: &str = "GW028";
pub(crate) const BAD_MODULE: &str = "GW030";
pub(crate) const TINYGO: &str = "GW031";
pub(crate) const NEVER_CALLED: &str = "GW032";
pub(crate) const MAIN_NEVER_RUNS: &str = "GW033";

/// What `-D` takes.
pub(crate) const ALL: &[&str] = &[
    MALFORMED,
    NO_FUNCTION,
    METHOD,
    GENERIC,
    UNNAMED,
    EXPORT_WITHOUT_BODY,
    IMPORT_WITH_BODY,
    PARAMETER_TYPE,
    RESULT_TYPE,
    TOO_MANY_RESULTS,
    TWO_DIRECTIVES,
    EXPORT_AND_IMPORT,
    RESERVED,
    OWN_EXPORT,
    MAIN_IN_COMMAND,
    DUPLICATE_EXPORT,
    MISSPELLED,
    SPACE,
    SYMBOL,
    EXPORT_MISSING,
    EXPORT_SIGNATURE,
    EXPORT_UNNAMED,
    IMPORT_UNNAMED,
    IMPORT_SIGNATURE,
    OWN_EXPORT_MISSING,
    EXPORT_REPEATED,
    NOT_IN_WASI,
    OTHER_THAN_WASI,
    BAD_MODULE,
    TINYGO,
    NEVER_CALLED,
    MAIN_NEVER_RUNS,
];
