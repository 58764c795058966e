// Runs a module of GOOS=js as a verification wants it, and writes into a file how it ended.
// Nothing of node is left in Go's reach but what wasm_exec.js itself brings along: there is no file
// system but the two output streams, no arguments, no environment, no process to look at.
"use strict";
const [, , wasmExec, outcome] = process.argv;
const fs = require("node:fs");
const vm = require("node:vm");
const node = process;

delete globalThis.process;
vm.runInThisContext(fs.readFileSync(wasmExec, "utf8"), { filename: "wasm_exec.js" });
globalThis.fs.writeSync = (fd, bytes) => {
	if (fd !== 1 && fd !== 2) {
		throw new Error("only standard output and standard error can be written to");
	}
	let written = 0;
	while (written < bytes.length) {
		written += fs.writeSync(fd, bytes, written);
	}
	return written;
};

const go = new Go();
let ended = false;
const end = (how) => {
	if (!ended) {
		ended = true;
		fs.writeFileSync(outcome, how);
	}
};
go.exit = (code) => end(`exit ${code}`);
go.argv = ["module"];
go.env = {};
node.on("exit", () => end("trap the program is blocked, and nothing can wake it"));

(async () => {
	const module = await WebAssembly.compile(fs.readFileSync(0));
	for (const wanted of WebAssembly.Module.imports(module)) {
		const functions = (go.importObject[wanted.module] ??= {});
		const name = `${wanted.module}.${wanted.name}`;
		functions[wanted.name] ??= () => {
			throw new Error(`the import \`${name}\` was called, and nothing supplies it`);
		};
	}
	const instance = await WebAssembly.instantiate(module, go.importObject);
	await go.run(instance);
	end("exit 0");
})().catch((error) => end(`trap ${error?.message ?? error}`)).finally(() => node.exit(0));
