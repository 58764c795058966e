use crate::Malformed;
use crate::tables::{SymRef, u32_at};

/// What the compiler says about a function, from its function-information symbol.
#[derive(Debug, Clone, Copy)]
pub struct FuncInfo<'a> {
    bytes: &'a [u8],
    files: usize,
    nodes: usize,
}

/// One inlined call in a function.
#[derive(Debug, Clone, Copy)]
pub struct InlineNode {
    pub parent: i32,
    pub file: u32,
    pub line: i32,
    pub func: SymRef,
    pub parent_pc: i32,
}

const FIXED: usize = 16;
const NODE: usize = 24;

impl<'a> FuncInfo<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let cut = || Malformed::new("function information is cut off");
        let count = |at: usize| -> Result<usize, Malformed> {
            if bytes.len() < at + 4 { Err(cut()) } else { Ok(u32_at(bytes, at) as usize) }
        };
        let files = count(FIXED)?;
        let nodes_at =
            files.checked_mul(4).and_then(|n| n.checked_add(FIXED + 4)).ok_or_else(cut)?;
        let nodes = count(nodes_at)?;
        let end =
            nodes.checked_mul(NODE).and_then(|n| n.checked_add(nodes_at + 4)).ok_or_else(cut)?;
        if bytes.len() < end {
            return Err(cut());
        }
        Ok(FuncInfo { bytes, files, nodes })
    }

    pub fn args(&self) -> u32 {
        u32_at(self.bytes, 0)
    }
    pub fn locals(&self) -> u32 {
        u32_at(self.bytes, 4)
    }
    pub fn func_id(&self) -> u8 {
        self.bytes[8]
    }
    pub fn func_flag(&self) -> u8 {
        self.bytes[9]
    }
    pub fn start_line(&self) -> i32 {
        u32_at(self.bytes, 12) as i32
    }

    /// The object's file numbers that this function uses.
    pub fn files(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.bytes[FIXED + 4..][..self.files * 4].chunks_exact(4).map(|b| u32_at(b, 0))
    }

    /// The inlined calls, innermost ones refer to outer ones by index.
    pub fn inline_nodes(&self) -> impl ExactSizeIterator<Item = InlineNode> + 'a {
        self.bytes[FIXED + 8 + self.files * 4..][..self.nodes * NODE].chunks_exact(NODE).map(|b| {
            InlineNode {
                parent: u32_at(b, 0) as i32,
                file: u32_at(b, 4),
                line: u32_at(b, 8) as i32,
                func: SymRef { package: u32_at(b, 12), index: u32_at(b, 16) },
                parent_pc: u32_at(b, 20) as i32,
            }
        })
    }
}
