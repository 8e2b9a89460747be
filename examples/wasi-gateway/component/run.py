"""run.py MODEL.dyad < frames > outputs: the component dyadic.component.wasm in wasmtime, by its interface alone."""

import os
import sys

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker

engine = Engine()
store = Store(engine)
component = Component.from_file(engine, os.path.join(os.path.dirname(__file__), "dyadic.component.wasm"))
instance = Linker(engine).instantiate(store, component)


def call(name, argument):
    function = instance.get_func(store, name)
    result = function(store, argument)
    function.post_return(store)
    return result


print("load:", call("load", open(sys.argv[1], "rb").read()), file=sys.stderr)
while frame := sys.stdin.buffer.read(28 * 28):  # of the digit model
    sys.stdout.buffer.write(call("run", frame))
