# libextism, through its package for Python: an export ends the program, and is called again.
# A line tells what a host is told then: host, case and error, with tabs between.
import sys

import extism
from extism.extism import CompiledPlugin

ENDS = [("trap", "panics"), ("exit", "leaves"), ("exit 0", "finishes"), ("deadlock", "deadlock")]


@extism.host_fn(name="again", namespace="env", signature=([extism.ValType.I32], [extism.ValType.I32]))
def again(plugin, args, results):
    results[0].value = 0


def run(host, path):
    compiled = CompiledPlugin(open(path, "rb").read(), wasi=True)
    for case, name in ENDS:
        plugin = extism.Plugin(compiled)

        def call(name):
            try:
                return "answered " + plugin.call(name, b"").decode()
            except extism.Error as error:
                return str(error)

        def tell(case, said):
            print(host, case, said.replace("\n", " ").replace("\t", " "), sep="\t", flush=True)

        tell("right order", call("main_ran"))
        call(name)
        tell(case, call("main_ran"))


run("libextism", sys.argv[1])
run("libextism, allow-exit", sys.argv[2])
