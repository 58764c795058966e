// Calls at the wrong time, as a host makes them that misses the first error. Prints a word for each.
import fs from "node:fs";
import { WASI } from "node:wasi";

const [, , path, kind] = process.argv;
const module = new WebAssembly.Module(fs.readFileSync(path));
class Exit extends Error {}
const start = (again = (n, one) => one.exports.down(n)) => {
	const wasi = new WASI({ version: "preview1" });
	const imports = wasi.getImportObject();
	imports.wasi_snapshot_preview1.proc_exit = () => {
		throw new Exit();
	};
	let instance;
	imports.env = { again: (n) => again(n, instance) };
	instance = new WebAssembly.Instance(module, imports);
	return { instance, wasi, call: (name, ...args) => instance.exports[name](...args) };
};
const refused = (what, text, call) => {
	try {
		call();
		console.log(`${what}: answered`);
	} catch (error) {
		const named = String(error.stack).includes(text);
		console.log(`${what}: ${named ? "refused" : String(error.stack)}`);
	}
};
const ends = (call) => {
	try {
		call();
		console.log("no end");
	} catch {}
};
// What a function of the host does with a nested call that does not come back: nothing.
const swallowed = (call) => {
	try {
		return call() ?? 0;
	} catch {
		return 0;
	}
};
const ready = (again) => {
	const one = start(again);
	one.wasi.initialize(one.instance);
	return one;
};
const late = "export called after the program trapped or was stopped";
const exited = "export called after the program exited";
const mainReturned = "export called after main returned";
const lost = "a function of the host returned after an export that it had called trapped or exited";
if (kind === "reactor") {
	const early = start();
	// WASI needs to know the memory before the program can say why it traps.
	const memory = { memory: early.instance.exports.memory };
	early.wasi.initialize({ exports: memory });
	refused("before", "export called before _initialize", () => early.call("i32", 1));
	refused("before", "export called before _initialize", () => early.call("i32", 1));
	refused("twice", "_initialize called twice", () => ready().call("_initialize"));
	const all = [["panic", late, "panics"], ["exit", exited, "leaves"], ["deadlock", late, "deadlock"]];
	for (const [what, text, name] of all) {
		const one = ready();
		ends(() => one.call(name));
		refused(what, text, () => one.call("i32", 1));
		refused(what, text, () => one.call("i32", 1));
	}
} else if (kind.startsWith("nested")) {
	// The same below functions of the host that take no notice: in goroutines, and three deep.
	const [, name, ...args] = kind.split(" ");
	for (const outer of ["down", "relay"]) {
		for (const depth of [1, 3]) {
			const one = ready((n, { exports }) =>
				swallowed(() => (n === 0 ? exports[name](...args) : exports.down(n))),
			);
			refused("nested", lost, () => one.call(outer, depth));
			refused("nested", late, () => one.call("i32", 1));
		}
	}
	// A function of the host that throws past one export and is caught before another.
	const one = ready((n, { exports }) => {
		if (n === 0) throw new Error("as asked for");
		return swallowed(() => exports.down(n));
	});
	refused("nested", lost, () => one.call("down", 2));
	refused("nested", late, () => one.call("i32", 1));
} else {
	const one = start();
	const early = start();
	early.wasi.initialize({ exports: { memory: early.instance.exports.memory } });
	refused("before", "export called before _start", () => early.call("down", 1));
	ends(() => one.wasi.start(one.instance));
	refused("after", mainReturned, () => one.call("down", 1));
}
