// Runs a module of GOOS=js as a file of JSON says (node.rs, `Wanted`), and writes into a file how it ended.
// Unless the program is to have the machine, nothing of node is left in Go's reach but what wasm_exec.js
// itself brings along: there is no file system but the standard streams, and no process to look at. In a
// verification there is no network either.
"use strict";
// A copy: in a verification the module itself is emptied.
const fs = { ...require("node:fs") };
const vm = require("node:vm");
const node = process;
const wanted = JSON.parse(fs.readFileSync(node.argv[2], "utf8"));
const bytes = fs.readFileSync(wanted.module);
const wasmExec = fs.readFileSync(wanted.wasm_exec, "utf8");
const outcome = fs.openSync(wanted.outcome, "w");

if (wanted.machine) {
	globalThis.require = require;
	globalThis.fs = require("node:fs");
	globalThis.path = require("node:path");
} else {
	delete globalThis.process;
}

// JavaScript that Go evaluates can import modules of node: what reaches out of this process is taken out
// of them.
const REACHING_OUT = [
	"child_process", "cluster", "dgram", "dns", "dns/promises", "fs", "fs/promises", "http", "http2", "https",
	"inspector", "net", "repl", "tls", "wasi", "worker_threads",
];
const refuse = (from, name, key) => {
	try {
		from[key] = () => {
			throw new Error(`${name}.${key} was called: a verification has no network, files or processes`);
		};
	} catch {
		// What cannot be set does nothing by itself.
	}
};
const isolate = () => {
	// console writes to these, which are made when they are first asked for.
	void node.stdout;
	void node.stderr;
	for (const name of ["fetch", "WebSocket", "EventSource", "Worker"]) {
		delete globalThis[name];
	}
	// Of modules that are experimental: nobody uses them here.
	const { emitWarning } = node;
	node.emitWarning = () => {};
	for (const name of REACHING_OUT) {
		let module;
		try {
			module = require(`node:${name}`);
		} catch {
			continue; // This node was built without it.
		}
		for (const key of Object.keys(module)) {
			if (typeof module[key] === "function") refuse(module, name, key);
		}
	}
	for (const key of ["_linkedBinding", "binding", "dlopen", "execve", "getBuiltinModule", "kill"]) {
		refuse(node, "process", key);
	}
	node.emitWarning = emitWarning;
	Object.defineProperty(node, "env", { value: {} });
	require("node:module").syncBuiltinESMExports();
};
if (!wanted.live) isolate();
vm.runInThisContext(wasmExec, { filename: "wasm_exec.js" });
if (!wanted.machine) {
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
	const read = globalThis.fs.read;
	globalThis.fs.read = (fd, ...rest) => (fd === 0 ? fs.read(fd, ...rest) : read(fd, ...rest));
}

const go = new Go();
let ended = false;
const end = (how) => {
	if (!ended) {
		ended = true;
		fs.writeSync(outcome, JSON.stringify(how));
	}
};
go.exit = (code) => end({ exit: code });
go.argv = wanted.args;
go.env = wanted.env;

// What Go made by js.FuncOf, by numbers.
const functions = [];
go._makeFuncWrapper = (id) => {
	functions.push(id);
	return Go.prototype._makeFuncWrapper.call(go, id);
};
// Whether Go would call a function: before it looks at the arguments, it looks whether it was released.
const isLive = (id) => {
	let live = false;
	go._pendingEvent = {
		id,
		get args() {
			live = true;
			throw new Error("nothing is called");
		},
	};
	try {
		go._resume();
	} catch {}
	return live;
};
const OWN = ["run", "resume", "getsp", "mem"];
let exported = [];
// Nothing is left to do, and the program has not ended: does it wait for calls, or for nothing?
const blocked = () => {
	if (wanted.live) {
		// Go says where.
		go._pendingEvent = { id: 0 };
		go._resume();
		return;
	}
	ended = true;
	globalThis.console = new Proxy({}, { get: () => () => {} });
	const waits = exported.some((name) => !OWN.includes(name)) || functions.some(isLive);
	ended = false;
	end(waits ? "waits" : { trap: "the program is blocked, and nothing can wake it" });
};
node.on("exit", () => {
	if (!ended && instance !== undefined) blocked();
	end({ trap: "the program is blocked, and nothing can wake it" });
	node.exitCode = 0;
});

// V8 says so when a module or a stack is too large for it; everything else comes of the program.
const thrown = (error) => {
	const limit = error instanceof WebAssembly.CompileError || error instanceof RangeError;
	end({ [limit ? "engine" : "trap"]: String(error?.message ?? error) });
};
node.on("uncaughtException", (error) => {
	thrown(error);
	node.exit(0);
});

let instance;
(async () => {
	const module = await WebAssembly.compile(bytes);
	exported = WebAssembly.Module.exports(module).map((one) => one.name);
	if (wanted.script !== null) {
		try {
			vm.compileFunction(wanted.script, ["imports"], { filename: "[js] script" })(go.importObject);
		} catch (error) {
			end({ failed: `the script in [js] of the plan: ${error?.message ?? error}` });
			return;
		}
	}
	const missing = [];
	for (const { module: from, name } of WebAssembly.Module.imports(module)) {
		const functions = (go.importObject[from] ??= {});
		if (functions[name] !== undefined) continue;
		missing.push([from, name]);
		functions[name] = () => {
			end({ missing: [from, name] });
			throw new Error(`the import \`${from}.${name}\` was called, and nothing supplies it`);
		};
	}
	if (wanted.refuse && missing.length > 0) {
		end({ refused: missing });
		return;
	}
	instance = await WebAssembly.instantiate(module, go.importObject);
	await go.run(instance);
	end({ exit: 0 });
})()
	.catch(thrown)
	.finally(() => node.exit(0));
