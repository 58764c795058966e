# wasmtime through its package for Python, with its own WASI. As main.go does it in wazero.
import sys

import wasmtime

ENDS = [("trap", "panics"), ("exit", "leaves"), ("exit 0", "finishes"), ("deadlock", "deadlock")]
engine = wasmtime.Engine()
module = wasmtime.Module.from_file(engine, sys.argv[1])
nested = ""


def fresh(*start):
    global store, exports
    store = wasmtime.Store(engine)
    store.set_wasi(wasmtime.WasiConfig())
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    kind = wasmtime.ValType.i32()
    linker.define_func("env", "again", wasmtime.FuncType([kind], [kind]), again)
    exports = linker.instantiate(store, module).exports(store)
    for name in start:
        exports[name](store)


def again(n):
    try:
        return exports["down"](store, n) if n else exports[nested](store) or 0
    except BaseException:
        return 0


def call(name, *args):
    try:
        return f"answered {exports[name](store, *args)}"
    except (wasmtime.WasmtimeError, wasmtime.Trap, wasmtime.ExitTrap) as error:
        return str(error)


def tell(case, said):
    print("wasmtime-py", case, said.replace("\n", " ").replace("\t", " "), sep="\t", flush=True)


fresh()
tell("early", call("i32", 1))
for case, name in ENDS:
    fresh("_initialize")
    call(name)
    tell(case, call("i32", 1))
    tell(case, call("i32", 1))
    for outer in ["down", "relay"]:
        for depth in [1, 3]:
            fresh("_initialize")
            nested = name
            tell("swallowed " + case, call(outer, depth))
            tell("after swallowed " + case, call("i32", 1))
