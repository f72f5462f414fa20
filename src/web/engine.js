// SPDX-License-Identifier: Apache-2.0
// The exports of web.c as JavaScript: strings in and out, and an Error where a call fails.  Runs in
// the page's worker, and under node.
"use strict";

class Engine {
    // module: a WebAssembly.Module
    constructor(module) {
        const imports = {};
        for (const {module: from, name} of WebAssembly.Module.imports(module)) {
            imports[from] ??= {};
            imports[from][name] = this[name]?.bind(this) ?? (() => 52); // WASI: not supported
        }
        this.c = new WebAssembly.Instance(module, {...imports}).exports;
        this.c._initialize?.();
        this.options = [];
    }

    // ---- What the module imports, of WASI ----

    clock_time_get(id, precision, to) {
        const ms = id === 0 ? Date.now() : performance.now();
        new DataView(this.c.memory.buffer).setBigUint64(to, BigInt(Math.round(ms * 1e6)), true);
        return 0;
    }
    random_get(to, n) {
        crypto.getRandomValues(new Uint8Array(this.c.memory.buffer, to, n));
        return 0;
    }

    // ---- Values ----

    view(at, n) { return new Uint8Array(this.c.memory.buffer, at >>> 0, n >>> 0); }
    string(at) {
        const bytes = new Uint8Array(this.c.memory.buffer, at >>> 0);
        return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
    }
    // The result of a call; 0 is a failure.
    check(result) {
        if (!result) throw new Error(this.string(this.c.nm_web_error()));
        return result;
    }
    // Calls use(address, length) with bytes, or the UTF-8 of a string, in the module's memory.
    lend(data, use) {
        const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
        const at = this.c.nm_web_alloc(bytes.length + 1);
        if (!at) throw new Error("out of memory");
        this.view(at, bytes.length).set(bytes);
        this.view(at + bytes.length, 1)[0] = 0;
        try {
            return use(at, bytes.length);
        } finally {
            this.c.nm_web_free(at);
        }
    }
    result() { return this.view(this.c.nm_web_bytes(), this.c.nm_web_n_bytes()).slice(); }

    // ---- Model ----

    // Room for a model file of n bytes, filled by `put`, then opened by `open`.
    reserve(n) {
        this.file = n < 2 ** 31 ? this.c.nm_web_alloc(n) : 0;
        this.size = n;
        if (!this.file) {
            const mb = Math.ceil(n / 1e6);
            throw new Error(`This model needs ${mb} MB of memory, more than the browser gives: ` +
                "close other tabs, or choose a smaller model.");
        }
    }
    put(bytes, at) { this.view(this.file + at, bytes.length).set(bytes); }
    open(kernels) {
        const open = at => this.check(this.c.nm_web_open(this.file, this.size, at));
        if (kernels) this.lend(kernels, open);
        else open(0);
        this.readOptions();
        const [name, packing, kernel, params, state, id] =
            this.string(this.c.nm_web_model()).split("\t");
        return {name, packing, kernels: kernel, params: +params, stateBytes: +state, id};
    }
    hash(text) {
        return this.lend(text, (at, n) => this.string(this.check(this.c.nm_web_hash(at, n))));
    }

    // How many results of the fastest kernels equal those of scalar.
    selftest() {
        const n = this.c.nm_web_selftest();
        this.check(n >= 0);
        return n;
    }

    // ---- Sampling options: [{name, type, value, least, most, help}] ----

    readOptions() {
        this.options = [];
        for (let at; (at = this.c.nm_web_option(this.options.length));) {
            const [name, type, value, least, most, help] = this.string(at).split("\t");
            this.options.push({name, type, value: +value, least: +least, most: +most, help});
        }
    }
    // values: {name: number}, of which unknown names are ignored
    setOptions(values) {
        this.options.forEach((option, i) => {
            const value = values[option.name];
            if (!Number.isFinite(value)) return;
            this.c.nm_web_set_option(i, value);
            option.value = value;
        });
    }

    // ---- Text ----

    // A new text with these options, empty or at a mark.
    begin(mark = 0, keepGenerator = false) {
        this.check(this.c.nm_web_begin(mark, keepGenerator ? 1 : 0));
    }
    // Returns bytes that were held back, of an unfinished character.
    prompt(text) {
        this.lend(text, (at, n) => this.check(this.c.nm_web_prompt(at, n)));
        return this.result();
    }
    // {more, bytes}: whether the text can continue, and what the step generated.
    step() {
        const more = this.c.nm_web_step();
        if (more < 0) this.check(0);
        return {more: more === 1, bytes: this.result()};
    }
    get generated() { return this.c.nm_web_generated(); }
    get tokens() { return this.c.nm_web_tokens(); }

    // ---- Marks and session files ----

    mark() { return this.check(this.c.nm_web_mark()); }
    rewind(mark, keepGenerator = false) {
        this.check(this.c.nm_web_rewind(mark, keepGenerator ? 1 : 0));
    }
    forget(mark) { this.c.nm_web_forget(mark); }
    save() { return this.check(this.c.nm_web_save()) && this.result(); }
    // {mark, tail}: begin(mark) continues the session.
    load(bytes) {
        const mark = this.lend(bytes, (at, n) => this.check(this.c.nm_web_load(at, n)));
        const tail = this.result();
        this.readOptions();
        return {mark, tail};
    }
}

globalThis.Engine = Engine;
