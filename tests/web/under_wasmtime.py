# SPDX-License-Identifier: Apache-2.0
"""The module under wasmtime: prints the hash of the logits of a text.

    python3 under_wasmtime.py FOLDER TEXT          FOLDER: build/web
"""
import ctypes
import sys

from wasmtime import Engine, Linker, Module, Store, WasiConfig


def main():
    folder, text = sys.argv[1:]
    engine = Engine()
    store = Store(engine)
    store.set_wasi(WasiConfig())
    linker = Linker(engine)
    linker.define_wasi()
    module = Module.from_file(engine, f"{folder}/nomul.wasm")
    exports = linker.instantiate(store, module).exports(store)
    exports["_initialize"](store)

    def put(data):
        at = exports["nm_web_alloc"](store, len(data))
        start = ctypes.addressof(exports["memory"].data_ptr(store).contents)
        ctypes.memmove(start + at, data, len(data))
        return at

    def string(at):
        start = ctypes.addressof(exports["memory"].data_ptr(store).contents)
        return ctypes.string_at(start + at).decode()

    with open(f"{folder}/model.gguf", "rb") as file:
        model = file.read()
    if not exports["nm_web_open"](store, put(model), len(model), 0):
        sys.exit(string(exports["nm_web_error"](store)))
    data = text.encode()
    print(string(exports["nm_web_hash"](store, put(data), len(data))))


main()
