// Calls at the wrong time, as a host makes them that misses the first error. Prints a word for each.
import fs from "node:fs";
import { WASI } from "node:wasi";

const [, , path, kind] = process.argv;
const module = new WebAssembly.Module(fs.readFileSync(path));
class Exit extends Error {}
const start = () => {
	const wasi = new WASI({ version: "preview1" });
	const imports = wasi.getImportObject();
	imports.wasi_snapshot_preview1.proc_exit = () => {
		throw new Exit();
	};
	let instance;
	imports.env = { again: (n) => instance.exports.down(n) };
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
const late = "export called after the program trapped or exited";
if (kind === "reactor") {
	const early = start();
	// WASI needs to know the memory before the program can say why it traps.
	const memory = { memory: early.instance.exports.memory };
	early.wasi.initialize({ exports: memory });
	refused("before", "export called before _initialize", () => early.call("i32", 1));
	refused("before", "export called before _initialize", () => early.call("i32", 1));
	const ready = () => {
		const one = start();
		one.wasi.initialize(one.instance);
		return one;
	};
	refused("twice", "_initialize called twice", () => ready().call("_initialize"));
	for (const [what, name] of [["panic", "panics"], ["exit", "leaves"], ["deadlock", "deadlock"]]) {
		const one = ready();
		ends(() => one.call(name));
		refused(what, late, () => one.call("i32", 1));
		refused(what, late, () => one.call("i32", 1));
	}
} else {
	const one = start();
	const early = start();
	early.wasi.initialize({ exports: { memory: early.instance.exports.memory } });
	refused("before", "export called before _start", () => early.call("down", 1));
	ends(() => one.wasi.start(one.instance));
	refused("after", late, () => one.call("down", 1));
}
