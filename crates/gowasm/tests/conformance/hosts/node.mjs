// @extism/extism and shims of WASI for JavaScript: an export ends the program, and is called again.
// A line tells what a host is told then: host, case and error, with tabs between. One host a process.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [, , file, packages, only] = process.argv;
const code = new Uint8Array(fs.readFileSync(file));
const module = new WebAssembly.Module(code);
const ends = [["trap", "panics"], ["exit", "leaves"], ["exit 0", "finishes"], ["deadlock", "deadlock"]];
const load = (name) => import(pathToFileURL(path.join(packages, "node_modules", name)).href);
const told = async (call) => {
	try {
		return `answered ${await call()}`;
	} catch (error) {
		return String(error?.stack ?? error);
	}
};
const tell = (host, what, said) => console.log([host, what, said.replace(/\s+/g, " ")].join("\t"));

if (only === "@extism/extism") {
	const { default: createPlugin } = (await load("@extism/extism/dist/cjs/index.js")).default;
	for (const [what, name] of ends) {
		const options = { useWasi: true, functions: { env: { again: () => 0 } } };
		const plugin = await createPlugin({ wasm: [{ data: code }] }, options);
		const call = (name) => told(async () => (await plugin.call(name))?.text() ?? "");
		tell("@extism/extism", "right order", await call("main_ran"));
		await call(name);
		tell("@extism/extism", what, await call("main_ran"));
		await plugin.close();
	}
}

// Each shim makes imports, and initialises an instance.
const shims = {
	"@bjorn3/browser_wasi_shim": async () => {
		const { WASI, File, OpenFile } = await load("@bjorn3/browser_wasi_shim/dist/index.js");
		const wasi = new WASI([], [], [0, 1, 2].map(() => new OpenFile(new File([]))));
		return [wasi.wasiImport, (instance) => wasi.initialize(instance)];
	},
	"@tybys/wasm-util": async () => {
		const { WASI } = (await load("@tybys/wasm-util/lib/cjs/index.js")).default;
		const wasi = new WASI({ version: "preview1", returnOnExit: true, print: () => {}, printErr: () => {} });
		return [wasi.wasiImport, (instance) => wasi.initialize(instance)];
	},
};
if (only in shims) {
	let instance;
	const fresh = async (again) => {
		const [wasi_snapshot_preview1, initialize] = await shims[only]();
		instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1, env: { again } });
		initialize(instance);
	};
	for (const [what, name] of ends) {
		await fresh(() => 0);
		await told(() => instance.exports[name]());
		tell(only, what, await told(() => instance.exports.i32(1)));
		const swallows = (n) => {
			try {
				return n === 0 ? instance.exports[name]() ?? 0 : instance.exports.down(n);
			} catch {
				return 0;
			}
		};
		for (const outer of ["down", "relay"]) {
			await fresh(swallows);
			tell(only, `swallowed ${what}`, await told(() => instance.exports[outer](3)));
			tell(only, `after swallowed ${what}`, await told(() => instance.exports.i32(1)));
		}
	}
}
