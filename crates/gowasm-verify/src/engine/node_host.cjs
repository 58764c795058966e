// Runs modules for gowasm: compiles, instantiates and calls what it is told over standard input, and
// hands every call of the host back. frames.rs describes what goes to and fro.
"use strict";
const fs = require("node:fs");

const read = (length) => {
	const bytes = Buffer.allocUnsafe(length);
	for (let at = 0; at < length; ) {
		const got = fs.readSync(0, bytes, at, length - at);
		if (got === 0) process.exit(0);
		at += got;
	}
	return bytes;
};
const receive = () => read(read(4).readUInt32LE(0));
const send = (kind, ...parts) => {
	const body = Buffer.concat([Buffer.from(kind), ...parts]);
	const frame = Buffer.concat([Buffer.alloc(4), body]);
	frame.writeUInt32LE(body.length, 0);
	for (let at = 0; at < frame.length; ) at += fs.writeSync(1, frame, at);
};

const scratch = new DataView(new ArrayBuffer(8));
const toBits = (type, value) => {
	scratch.setBigUint64(0, 0n);
	if (type === "i") scratch.setInt32(0, value, true);
	else if (type === "I") scratch.setBigInt64(0, value, true);
	else if (type === "f") scratch.setFloat32(0, value, true);
	else scratch.setFloat64(0, value, true);
	return Buffer.from(new Uint8Array(scratch.buffer.slice(0)));
};
const fromBits = (type, bytes, at) => {
	if (type === "i") return bytes.readInt32LE(at);
	if (type === "I") return bytes.readBigInt64LE(at);
	return type === "f" ? bytes.readFloatLE(at) : bytes.readDoubleLE(at);
};

class Unwind extends Error {}
let load, compiled, instance;

const number32 = (value) => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value, 0);
	return bytes;
};
const imported = ({ params, results }, index) => (...args) => {
	send("h", number32(index), ...args.map((arg, at) => toBits(params[at], arg)));
	const answer = serve();
	return results === "" ? undefined : fromBits(results[0], answer, 1);
};
const start = () => {
	const imports = {};
	load.imports.forEach((wanted, index) => {
		(imports[wanted.module] ??= {})[wanted.name] = imported(wanted, index);
	});
	instance = new WebAssembly.Instance(compiled, imports);
};
const call = (frame) => {
	const count = frame.readUInt16LE(1);
	const name = frame.toString("utf8", 3 + 8 * count);
	const { params, results } = load.exports[name];
	const args = [...params].map((type, at) => fromBits(type, frame, 3 + 8 * at));
	const result = instance.exports[name](...args);
	return results === "" ? [] : [toBits(results[0], result)];
};
const memory = () => Buffer.from(instance.exports.memory?.buffer ?? new ArrayBuffer(0));
const within = (address, length, use) => {
	const bytes = memory();
	if (address + length > bytes.length) send("o");
	else send("r", ...use(bytes));
};

// What is asked for, until it is the answer to a call of the host.
const serve = () => {
	for (;;) {
		const frame = receive();
		const address = frame.length >= 5 ? frame.readUInt32LE(1) : 0;
		switch (String.fromCharCode(frame[0])) {
			case "r":
				return frame;
			case "u":
				throw new Unwind();
			case "s": {
				const size = Buffer.alloc(8);
				size.writeBigUInt64LE(BigInt(memory().length), 0);
				send("r", size);
				break;
			}
			case "m": {
				const length = frame.readUInt32LE(5);
				within(address, length, (bytes) => [bytes.subarray(address, address + length)]);
				break;
			}
			case "w":
				within(address, frame.length - 5, (bytes) => (frame.copy(bytes, address, 5), []));
				break;
			default:
				ends(() => command(frame));
		}
	}
};
const command = (frame) => {
	switch (String.fromCharCode(frame[0])) {
		case "L":
			load = JSON.parse(frame.toString("utf8", 1));
			compiled = new WebAssembly.Module(receive());
			return [];
		case "i":
			start();
			return [];
		case "c":
			return call(frame);
		default:
			throw new Error(`an unknown frame ${frame[0]}`);
	}
};
const ends = (act) => {
	let results;
	try {
		results = act();
	} catch (error) {
		// Whatever else is thrown is the engine's: its stack is full, say.
		const trapped = error instanceof WebAssembly.RuntimeError;
		send(trapped ? "t" : "e", Buffer.from(String(error?.message ?? error)));
		return;
	}
	send("r", ...results);
};
serve();
