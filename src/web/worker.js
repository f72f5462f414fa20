// SPDX-License-Identifier: Apache-2.0
// The worker: runs engine.js, which stands before it in one script, and keeps the text as pieces,
// each with a mark of the place after it.  Messages in: {type, ...}, the names of `actions`; out:
// {type, ...}, the names of `events` in page.js.
"use strict";

const SLICE_MS = 30;               // of generating, between two looks at messages
const READ_BYTES = 4 << 20;        // of a file at a time
const MARK_BYTES = 256 << 20;      // that all marks may take

let engine, model, stopping = false, running = false;
let pieces = [];  // {kind, text, mark}: kind prompt, token or opened; mark 0: was given up
let turns = [];   // {n_pieces, mark, prompt}: before each prompt
let start = 0;    // mark of the place before the first piece
let applied = ""; // the options that the text has
const decoder = new TextDecoder();

const say = (type, more = {}) => postMessage({type, ...more});
const channel = new MessageChannel();
// Lets messages in that have arrived.
const look = () => new Promise(done => {
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
});

// ---- The text as pieces ----

function add(kind, bytes) {
    const text = decoder.decode(bytes);
    if (!text) return;
    pieces.push({kind, text, mark: engine.mark()});
    say("piece", {kind, text});
    const most = Math.max(256, MARK_BYTES / (model.stateBytes + 4096));
    if (pieces.length % 64 === 0) thin(most);
}

// Gives up every second of the older marks while there are more than `most`.
function thin(most) {
    const marked = pieces.filter(piece => piece.mark);
    if (marked.length <= most) return;
    marked.slice(0, -64).forEach((piece, i) => {
        if (i % 2) return;
        engine.forget(piece.mark);
        piece.mark = 0;
    });
}

function cut(n_pieces) {
    for (const piece of pieces.splice(n_pieces)) engine.forget(piece.mark);
    while (turns.length && turns.at(-1).n_pieces >= n_pieces) {
        engine.forget(turns.pop().mark);
    }
    say("cut", {n: n_pieces});
}

function clear() {
    cut(0);
    for (const turn of turns.splice(0)) engine.forget(turn.mark);
    engine.forget(start);
    start = 0;
}

// The options of the page; another seed makes another generator.
function apply(options) {
    const now = JSON.stringify(options);
    if (now === applied) return;
    const keep = !applied || JSON.parse(applied).seed !== options.seed;
    engine.setOptions(options);
    if (pieces.length || turns.length) {
        const here = engine.mark();
        engine.begin(here, keep);
        engine.forget(here);
    } else {
        fresh();
    }
    applied = now;
}

// An empty text with the options of the engine.
function fresh() {
    clear();
    engine.begin();
    start = engine.mark();
}

// ---- Generating ----

async function generate(prompt, n) {
    turns.push({n_pieces: pieces.length, mark: engine.mark(), prompt});
    const held = engine.prompt(prompt);
    add("token", held);
    add("prompt", new TextEncoder().encode(prompt));
    stopping = false;
    running = true;
    say("running");
    let begin = performance.now(), next = begin + SLICE_MS; // next: when to look at messages
    let more = true, generated = 0, first = 0;              // first: generated when begin was
    while (more && !stopping && generated < n) {
        const before = engine.generated, step = engine.step();
        more = step.more;
        generated = Math.max(engine.generated, 0);
        if (generated) add("token", step.bytes);
        if (before < 0) begin = performance.now(), first = generated; // the prompt is read
        if (performance.now() < next) continue;
        await look();
        next = performance.now() + SLICE_MS;
    }
    running = false;
    const timed = generated - first; // 0 where reading took all the time
    const speed = timed && timed / (performance.now() - begin) * 1000;
    const why = !more ? "end" : stopping ? "stop" : "length";
    say("finished", {why, generated, speed, tokens: engine.tokens});
}

// ---- What the page asks for ----

const actions = {
    async open({module, file, kernels}) {
        engine = new Engine(module);
        engine.reserve(file.size);
        for (let at = 0; at < file.size; at += READ_BYTES) {
            const part = await file.slice(at, at + READ_BYTES).arrayBuffer();
            engine.put(new Uint8Array(part), at);
            say("progress", {done: at + part.byteLength, total: file.size});
        }
        model = engine.open(kernels);
        fresh();
        say("opened", {model, options: engine.options});
    },
    async write({prompt, n, options, from}) {
        if (from !== undefined) actions.rewind({to: from, keep: true});
        apply(options);
        await generate(prompt, n);
    },
    stop() { stopping = true; },
    rewind({to, keep}) {
        let at = pieces[0]?.kind === "opened" ? Math.max(to, 1) : to;
        while (at > 0 && !pieces[at - 1].mark) at--;
        engine.rewind(at ? pieces[at - 1].mark : start, keep);
        cut(at);
    },
    undo({keep} = {}) {
        const turn = turns.at(-1);
        if (!turn) throw new Error("There is nothing to undo.");
        engine.rewind(turn.mark, keep);
        turns.pop();
        for (const piece of pieces.splice(turn.n_pieces)) engine.forget(piece.mark);
        engine.forget(turn.mark);
        say("cut", {n: turn.n_pieces});
        say("undone");
        return turn.prompt;
    },
    async retry({n, options}) {
        const prompt = actions.undo({keep: true});
        apply(options);
        await generate(prompt, n);
    },
    new() { fresh(); },
    save() {
        if (engine.generated < 0) { // saving would read them, which nothing can stop
            throw new Error("The words are not read to their end: press Write or Undo, then save.");
        }
        say("saved", {bytes: engine.save()});
    },
    load({bytes}) {
        const {mark, tail} = engine.load(new Uint8Array(bytes));
        clear();
        engine.begin(mark);
        start = mark;
        applied = JSON.stringify(Object.fromEntries(engine.options.map(o => [o.name, o.value])));
        add("opened", tail);
        say("loaded", {options: engine.options, tokens: engine.tokens});
    },
    check({text}) { say("checked", {hash: engine.hash(text)}); },
};

onmessage = async ({data}) => {
    if (running && data.type !== "stop") return; // the page's buttons are off meanwhile
    try {
        await actions[data.type](data);
    } catch (error) {
        running = false;
        const dead = error instanceof WebAssembly.RuntimeError;
        say("failed", {action: data.type, message: error.message, dead});
    }
};
