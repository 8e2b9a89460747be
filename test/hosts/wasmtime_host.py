"""wasmtime_host.py version | command WASM DIRECTORY ARGUMENTS | engine WASM MANIFEST: dyadic in wasmtime.

`command` runs the WASI command on this process's streams; `engine` embeds the import-free engine through its exports.
"""

import hashlib
import importlib.metadata
import json
import sys
import time

from wasmtime import Config, Engine, ExitTrap, Instance, Linker, Module, Store, WasiConfig

CLASSES = {1: "U", 2: "P", 3: "S"}
PREFIX_BYTES = 64
TOGGLE = bytes(code ^ 0x80 for code in range(256))


def command(wasm, directory, *args):
    engine = Engine()
    linker = Linker(engine)
    linker.define_wasi()
    wasi = WasiConfig()
    wasi.argv = ["dyadic-wasi", *args]
    wasi.preopen_dir(directory, "/")
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store = Store(engine)
    store.set_wasi(wasi)
    instance = linker.instantiate(store, Module.from_file(engine, wasm))
    try:
        instance.exports(store)["_start"](store)
    except ExitTrap as exit:
        sys.exit(exit.code)


def engine(wasm, manifest):
    host = Engine(Config())
    module = Module.from_file(host, wasm)
    report = {"dotClass": "-", "results": {}}
    for model in json.load(open(manifest)):
        report["results"][model["name"]] = run_model(host, module, model, report)
    print(json.dumps(report))


def run_model(host, module, model, report):
    store = Store(host)
    exports = Instance(store, module, []).exports(store)
    memory = exports["memory"]

    def call(name, *args):
        return (exports[name](store, *args) or 0) & 0xFFFFFFFF

    file = open(model["model"], "rb").read()
    prefix = call("prefix_ptr")
    memory.write(store, file[:PREFIX_BYTES], prefix)
    at = call("reserve", call("required_bytes", prefix, PREFIX_BYTES))
    memory.write(store, file, at)
    if call("load", at, len(file)) != 0:
        sys.exit(f"{model['name']}: not loaded")
    report["dotClass"] = CLASSES.get(call("self_test"), "-")
    stream = open(model["input"], "rb")
    digest = hashlib.sha256()
    start = time.perf_counter()
    for _ in range(model["samples"]):
        for border in model["inputs"]:
            codes = stream.read(border["bytes"])
            memory.write(store, codes.translate(TOGGLE) if border["unsigned"] else codes, call("input_ptr", border["io"]))
        if call("run") != 0:
            sys.exit(f"{model['name']}: not run")
        for border in model["outputs"]:
            ptr = call("output_ptr", border["io"])
            codes = bytes(memory.read(store, ptr, ptr + border["bytes"]))
            digest.update(codes.translate(TOGGLE) if border["unsigned"] else codes)
    return {"hash": digest.hexdigest(), "ms": (time.perf_counter() - start) * 1000}


def version():
    print(importlib.metadata.version("wasmtime"))


{"command": command, "engine": engine, "version": version}[sys.argv[1]](*sys.argv[2:])
