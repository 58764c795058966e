//! A sort that puts equal elements where Go's `sort.Slice`, `sort.Sort` and `slices.SortFunc` put
//! them.
//!
//! `go tool link` orders type descriptors by their type string and nothing else, with a sort that
//! is not stable. Two types with one string (of two packages with one name, say) land where the
//! algorithm happens to leave them, and their addresses show in the module. So the algorithm is
//! part of the output format: pattern-defeating quicksort with Go's thresholds, its pivot choice
//! and its fixed pseudo-random sequence. It is the same for all three entry points and in every Go
//! version that is linked here (1.24 to 1.27); `tests/gosort.rs` asks the installed Go.
//!
//! Wherever a comparison has a tie-break, the standard library's sorts do as well and are used.

/// Ranges up to this length are sorted by insertion.
const INSERTION_MAX: usize = 12;
/// From this length on the pivot is a median of medians.
const NINTHER_MIN: usize = 50;
/// Below this length a nearly sorted range is not repaired element by element.
const REPAIR_MIN: usize = 50;
/// How many neighbours out of order are repaired before giving up.
const REPAIRS_MAX: usize = 5;
/// All the comparisons of a median of medians, when each one found its pair in the wrong order.
const ALL_SWAPPED: usize = 12;

/// Sorts `data` by `less`, leaving equal elements in the order Go's unstable sorts leave them in.
pub fn sort_by<T>(data: &mut [T], mut less: impl FnMut(&T, &T) -> bool) {
    let budget = bit_length(data.len());
    let end = data.len();
    Sorter { data, less: &mut less }.quicksort(0, end, budget);
}

struct Sorter<'d, T, F> {
    data: &'d mut [T],
    less: &'d mut F,
}

#[derive(Clone, Copy, PartialEq)]
enum Looks {
    Increasing,
    Decreasing,
    Unknown,
}

impl<T, F: FnMut(&T, &T) -> bool> Sorter<'_, T, F> {
    fn less(&mut self, a: usize, b: usize) -> bool {
        (self.less)(&self.data[a], &self.data[b])
    }

    /// Sorts `from..to`. `budget` is how many lopsided partitions are put up with before heapsort.
    fn quicksort(&mut self, mut from: usize, mut to: usize, mut budget: u32) {
        let mut balanced = true;
        let mut partitioned = true;
        loop {
            let length = to - from;
            if length <= INSERTION_MAX {
                return self.insertion_sort(from, to);
            }
            if budget == 0 {
                return self.heapsort(from, to);
            }
            if !balanced {
                self.scatter(from, to);
                budget -= 1;
            }
            let (mut pivot, mut looks) = self.choose_pivot(from, to);
            if looks == Looks::Decreasing {
                self.data[from..to].reverse();
                pivot = to - 1 - (pivot - from);
                looks = Looks::Increasing;
            }
            if balanced && partitioned && looks == Looks::Increasing && self.repair(from, to) {
                return;
            }
            // The element before the range is a lower bound of it. If it equals the pivot, then so
            // does everything not greater: those need no more sorting.
            if from > 0 && !self.less(from - 1, pivot) {
                from = self.partition_equal(from, to, pivot);
                continue;
            }
            let (middle, was_partitioned) = self.partition(from, to, pivot);
            partitioned = was_partitioned;
            let (left, right) = (middle - from, to - middle);
            balanced = left.min(right) >= length / 8;
            // The smaller side recurses, the larger one goes on in this frame.
            if left < right {
                self.quicksort(from, middle, budget);
                from = middle + 1;
            } else {
                self.quicksort(middle + 1, to, budget);
                to = middle;
            }
        }
    }

    fn insertion_sort(&mut self, from: usize, to: usize) {
        for end in from + 1..to {
            self.sink_left(end, from);
        }
    }

    /// Moves the element at `at` left past greater ones, not beyond `floor`.
    fn sink_left(&mut self, mut at: usize, floor: usize) {
        while at > floor && self.less(at, at - 1) {
            self.data.swap(at, at - 1);
            at -= 1;
        }
    }

    fn heapsort(&mut self, from: usize, to: usize) {
        let length = to - from;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift_down(root, length, from);
        }
        for end in (0..length).rev() {
            self.data.swap(from, from + end);
            self.sift_down(0, end, from);
        }
    }

    fn sift_down(&mut self, mut root: usize, end: usize, first: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.less(first + child, first + child + 1) {
                child += 1;
            }
            if !self.less(first + root, first + child) {
                return;
            }
            self.data.swap(first + root, first + child);
            root = child;
        }
    }

    /// Splits `from..to` into less than the pivot, the pivot, not less than it. Returns where the
    /// pivot went and whether nothing had to move.
    fn partition(&mut self, from: usize, to: usize, pivot: usize) -> (usize, bool) {
        self.data.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        let mut untouched = true;
        loop {
            while low <= high && self.less(low, from) {
                low += 1;
            }
            while low <= high && !self.less(high, from) {
                high -= 1;
            }
            if low > high {
                self.data.swap(high, from);
                return (high, untouched);
            }
            untouched = false;
            self.data.swap(low, high);
            low += 1;
            high -= 1;
        }
    }

    /// Splits `from..to`, which holds nothing less than the pivot, into equal and greater, and
    /// returns where the greater ones begin.
    fn partition_equal(&mut self, from: usize, to: usize, pivot: usize) -> usize {
        self.data.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        loop {
            while low <= high && !self.less(from, low) {
                low += 1;
            }
            while low <= high && self.less(from, high) {
                high -= 1;
            }
            if low > high {
                return low;
            }
            self.data.swap(low, high);
            low += 1;
            high -= 1;
        }
    }

    /// Puts a few misplaced elements right. True if the range is sorted then.
    fn repair(&mut self, from: usize, to: usize) -> bool {
        let mut at = from + 1;
        for _ in 0..REPAIRS_MAX {
            while at < to && !self.less(at, at - 1) {
                at += 1;
            }
            if at == to {
                return true;
            }
            if to - from < REPAIR_MIN {
                return false;
            }
            self.data.swap(at, at - 1);
            // Leftwards Go looks past the start of the range, down to the first element of all.
            if at - from >= 2 {
                self.sink_left(at - 1, 0);
            }
            if to - at >= 2 {
                let mut next = at + 1;
                while next < to && self.less(next, next - 1) {
                    self.data.swap(next, next - 1);
                    next += 1;
                }
            }
        }
        false
    }

    /// Swaps three elements of the middle with pseudo-random others.
    fn scatter(&mut self, from: usize, to: usize) {
        let length = to - from;
        if length < 8 {
            return;
        }
        let mut random = length as u64;
        let mask = (1u64 << bit_length(length)) - 1;
        let middle = from + length / 4 * 2;
        for index in middle - 1..=middle + 1 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let mut other = (random & mask) as usize;
            if other >= length {
                other -= length;
            }
            self.data.swap(index, from + other);
        }
    }

    fn choose_pivot(&mut self, from: usize, to: usize) -> (usize, Looks) {
        let length = to - from;
        let quarter = length / 4;
        let (mut a, mut b, mut c) = (from + quarter, from + quarter * 2, from + quarter * 3);
        let mut swaps = 0;
        if length >= 8 {
            if length >= NINTHER_MIN {
                a = self.median(a - 1, a, a + 1, &mut swaps);
                b = self.median(b - 1, b, b + 1, &mut swaps);
                c = self.median(c - 1, c, c + 1, &mut swaps);
            }
            b = self.median(a, b, c, &mut swaps);
        }
        let looks = match swaps {
            0 => Looks::Increasing,
            ALL_SWAPPED => Looks::Decreasing,
            _ => Looks::Unknown,
        };
        (b, looks)
    }

    /// The index among the three whose element is the median, and how many pairs were out of order.
    fn median(&mut self, mut a: usize, mut b: usize, mut c: usize, swaps: &mut usize) -> usize {
        self.order(&mut a, &mut b, swaps);
        self.order(&mut b, &mut c, swaps);
        self.order(&mut a, &mut b, swaps);
        b
    }

    fn order(&mut self, a: &mut usize, b: &mut usize, swaps: &mut usize) {
        if self.less(*b, *a) {
            *swaps += 1;
            std::mem::swap(a, b);
        }
    }
}

/// How many bits `n` has without its leading zeros.
fn bit_length(n: usize) -> u32 {
    usize::BITS - n.leading_zeros()
}
