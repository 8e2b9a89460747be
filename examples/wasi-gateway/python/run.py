"""run.py MODEL.wasm < frames > outputs: a model from `dyadic compile --target wasm` in wasmtime, without imports."""

import sys

from wasmtime import Engine, Instance, Module, Store

PREFIX_BYTES, FILE_BYTES_AT = 64, 8
TOGGLE = bytes(code ^ 0x80 for code in range(256))  # the engine takes uint8 codes 128 lower


class Model:
    """An engine with a model loaded. One run at a time."""

    def __init__(self, path):
        engine = Engine()
        self.store = Store(engine)
        self.exports = Instance(self.store, Module.from_file(engine, path), []).exports(self.store)
        self.memory = self.exports["memory"]
        at = self.call("reserve", 0)
        self.call("reserve", self.call("required_bytes", at, PREFIX_BYTES))
        size = int.from_bytes(self.memory.read(self.store, at + FILE_BYTES_AT, at + FILE_BYTES_AT + 4), "little")
        status = self.call("load", at, size)
        if status != 0:
            raise ValueError(f"the model was refused with status {status}")

    def call(self, name, *args):
        return self.exports[name](self.store, *args) & 0xFFFFFFFF

    def run(self, codes, output_bytes):
        """Canonical codes of input record 0 to those of output record 1."""
        self.memory.write(self.store, codes, self.call("input_ptr", 0))
        status = self.call("run")
        if status != 0:
            raise RuntimeError(f"run: status {status}")
        at = self.call("output_ptr", 1)
        return bytes(self.memory.read(self.store, at, at + output_bytes))


model = Model(sys.argv[1])
while frame := sys.stdin.buffer.read(28 * 28):  # of the digit model: one uint8 input, ten int8 outputs
    sys.stdout.buffer.write(model.run(frame.translate(TOGGLE), 10))
