// SPDX-License-Identifier: Apache-2.0
// The page: fetches the module and a model, then talks to the worker that runs them.
"use strict";

const $ = id => document.getElementById(id);
const megabytes = n => (n / 1e6).toFixed(1);
const START = "python3 -m http.server -d build/web";

let worker, module, script;     // of the engine, fetched once
let connected = true;           // may the page still fetch?
let fileName = "";              // of the model
let sessionName = "";           // of the session that is being opened
let options = [];               // the engine's rows of sampling options
let selected;                   // how many pieces to keep; undefined: all
let running = false;

// ---- Messages to the person ----

function show(text) {
    $("status").textContent = text;
    $("error").hidden = true;
}
function fail(text) {
    $("error").textContent = text;
    $("error").hidden = false;
    $("progress").hidden = true;
}
function progress(done, total) {
    $("progress").hidden = false;
    if (total) $("progress").value = done / total;
    else $("progress").removeAttribute("value");
}

// ---- Loading ----

// A file of this folder with progress; every way to fail is one sentence.
async function download(name) {
    let response, done = 0;
    try {
        response = await fetch(name);
    } catch {
        throw new Error(location.protocol === "file:"
            ? `This page has to come from a server: run ${START} and open http://localhost:8000.`
            : `The server cannot be reached for ${name}: check that it still runs and try again.`);
    }
    if (!response.ok) throw new Error(`The server has no ${name}: make web puts it there.`);
    const total = +response.headers.get("Content-Length"), parts = [];
    const lost = () => new Error(`The connection was lost after ${megabytes(done)} of ` +
        `${total ? megabytes(total) : "an unknown number of"} MB of ${name}: try again.`);
    try {
        for (const reader = response.body.getReader(); ;) {
            const part = await reader.read();
            if (part.done) break;
            parts.push(part.value);
            done += part.value.length;
            progress(done, total);
        }
    } catch {
        throw lost();
    }
    if (done < total && !response.headers.get("Content-Encoding")) throw lost();
    return new Blob(parts);
}

async function fetchEngine() {
    if (module) return;
    const [wasm, engine, loop] =
        await Promise.all(["nomul.wasm", "engine.js", "worker.js"].map(download));
    try {
        module = await WebAssembly.compile(await wasm.arrayBuffer());
    } catch {
        throw new Error("This browser lacks WebAssembly with SIMD, which the engine needs: use a " +
            "version from 2023 or later.");
    }
    script = new Blob([engine, loop], {type: "text/javascript"});
}

// From now on nothing can connect: policies add up, and the worker inherits them.
function disconnect() {
    if (!connected) return;
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "connect-src 'none'";
    document.head.append(policy);
    connected = false;
}

// The model of a Blob or a File, in a new worker; the former one ends, and its memory with it.
function openModel(file, name) {
    disconnect();
    worker?.terminate();
    setRunning(false);
    $("writing").hidden = true;
    const url = URL.createObjectURL(script);
    worker = new Worker(url);
    URL.revokeObjectURL(url);
    worker.onmessage = ({data}) => events[data.type](data);
    worker.onerror = event => fail(`The engine stopped: ${event.message}.`);
    fileName = name;
    show(`Opening ${name} …`);
    worker.postMessage({type: "open", module, file});
}

async function loadIncluded() {
    if (!connected) { // only a new page may fetch
        location.hash = "load";
        location.reload();
        return;
    }
    $("load").disabled = true;
    show("Loading the model …");
    try {
        await fetchEngine();
        const file = await download("model.gguf");
        if (connected) openModel(file, "model.gguf"); // else a file was opened meanwhile
    } catch (error) {
        if (connected) show(""), fail(error.message);
    }
    $("load").disabled = false;
}

// A model or a session, whichever its first bytes say.
async function openFile(file) {
    if (!file || running) return;
    try {
        await fetchEngine();
        const magic = new TextDecoder("latin1").decode(await file.slice(0, 4).arrayBuffer());
        if (magic === "GGUF") openModel(file, file.name);
        else if (magic === "NOMU" && worker) {
            sessionName = file.name;
            worker.postMessage({type: "load", bytes: await file.arrayBuffer()});
        } else if (magic === "NOMU") {
            fail(`${file.name} is a session: load the model that it belongs to first.`);
        } else {
            fail(`${file.name} is neither a model (a GGUF file) nor a session file of nomul.`);
        }
    } catch (error) {
        fail(`${file.name} cannot be read: ${error.message}`);
    }
}

// ---- Settings ----

// A 32-bit float has about seven digits; the others are of its conversion.
function shown(row) { return String(+row.value.toPrecision(7)); }

function showOptions(rows) {
    options = rows;
    $("options").replaceChildren(...rows.filter(row => row.type !== "SEED").flatMap(row => {
        const label = document.createElement("label"), input = document.createElement("input");
        const hint = document.createElement("span");
        input.id = `option-${row.name}`;
        Object.assign(input, {type: "number", step: row.type === "INT" ? 1 : "any"});
        input.min = row.least;
        if (row.most < 1e9) input.max = row.most;
        input.value = shown(row);
        Object.assign(label, {htmlFor: input.id, textContent: row.name});
        Object.assign(hint, {className: "hint", textContent: row.help});
        return [label, input, hint];
    }));
}

function randomSeed() { return crypto.getRandomValues(new Uint32Array(1))[0]; }

// {n, options}: the number of tokens and {name: value}; undefined after saying what is wrong.
let lastSeed;
function readSettings() {
    const wrong = (name, input) => {
        input.closest("details").open = true;
        input.focus();
        fail(`${name}: a number from ${input.min} ${input.max ? `to ${input.max} ` : "up "}` +
            "is needed.");
    };
    const values = {}, n = $("n");
    if (!n.validity.valid || n.value === "") return wrong("tokens", n);
    for (const row of options) {
        const seed = row.type === "SEED", input = $(seed ? "seed" : `option-${row.name}`);
        const empty = input.value === "";
        if (!input.validity.valid || (empty && !seed)) return wrong(row.name, input);
        values[row.name] = !seed && input.value === shown(row) ? row.value : +input.value;
        if (empty) values.seed = lastSeed ??= randomSeed();
    }
    lastSeed = values.seed;
    return {n: +n.value, options: values};
}

// ---- The text and the place to continue from ----

function select(n) {
    const spans = $("text").children;
    selected = n === undefined || n >= spans.length ? undefined : Math.max(n, 0);
    for (let i = 0; i < spans.length; i++) {
        spans[i].classList.toggle("after", selected !== undefined && i >= selected);
    }
    $("write").textContent = selected === undefined ? "Write" : "Write from here";
    if (selected === undefined) return;
    spans[selected - 1]?.scrollIntoView({block: "nearest"});
    const before = [...spans].slice(0, selected).map(span => span.textContent).join("");
    show(before ? `Continues after “${before.slice(-40).trim()}”.` : "Begins anew.");
}

function setRunning(now) {
    running = now;
    for (const id of ["write", "undo", "retry", "new", "save", "check"]) $(id).disabled = now;
    $("session").disabled = $("model").disabled = $("load").disabled = now;
    $("stop").disabled = !now;
}

function ask(type, more = {}) {
    if (running || !worker) return;
    $("error").hidden = true;
    worker.postMessage({type, ...more});
}

function write() {
    const settings = readSettings();
    if (!settings || running || $("writing").hidden) return;
    $("error").hidden = true;
    setRunning(true);
    worker.postMessage({type: "write", prompt: $("prompt").value, from: selected, ...settings});
    select();
    $("prompt").value = "";
}

function retry() {
    const settings = readSettings();
    if (settings) ask("retry", settings);
}

function newText() {
    lastSeed = undefined;
    ask("new");
    show("A new text.");
    $("prompt").focus();
}

// ---- What the worker says ----

const REASONS = {end: "The model ended the text", stop: "Stopped", length: "Done"};

const events = {
    progress({done, total}) { progress(done, total); },
    opened({model, options: rows}) {
        $("progress").hidden = true;
        $("writing").hidden = false;
        $("text").replaceChildren();
        select();
        lastSeed = undefined;
        showOptions(rows);
        $("about").textContent = `${model.name || fileName}: ` +
            `${(model.params / 1e6).toFixed(0)} million parameters, packing ${model.packing}, ` +
            `kernels ${model.kernels}; a place in a text is ` +
            `${(model.stateBytes / 1000).toFixed(0)} KB.`;
        show(`${model.name || fileName} is ready.`);
        $("prompt").focus();
    },
    running() { show("Writing …"), setRunning(true); },
    piece({kind, text}) {
        const box = $("text"), span = document.createElement("span");
        const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
        span.className = kind;
        span.textContent = text;
        box.append(span);
        if (atEnd) box.scrollTop = box.scrollHeight;
    },
    cut({n}) {
        while ($("text").children.length > n) $("text").lastChild.remove();
        select();
    },
    undone() { show("Undone."); },
    finished({why, generated, speed, tokens}) {
        setRunning(false);
        const rate = speed ? `${speed.toFixed(1)} tokens/s, ` : "";
        show(`${REASONS[why]}: ${generated} tokens, ${rate}` +
            `seed ${lastSeed}; the text has ${tokens} tokens.`);
    },
    saved({bytes}) {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([bytes]));
        link.download = "story.nms";
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
        show("Saved as story.nms: nomul run --load-session story.nms continues it.");
    },
    loaded({options: rows, tokens}) {
        showOptions(rows);
        lastSeed = rows.find(row => row.type === "SEED").value;
        $("seed").value = lastSeed;
        show(`The session is open: ${tokens} tokens, of which the last words are shown.`);
    },
    checked({hash}) { $("hash").textContent = hash; },
    failed({action, message, dead}) {
        setRunning(false);
        if (action === "open" || dead) {
            worker.terminate();
            worker = undefined;
            $("writing").hidden = true;
            show("");
        }
        const cause = message.replace(/^session.nms: /, ""); // its name in the module
        if (dead) fail(`The engine stopped, so the model has to be loaded again: ${message}.`);
        else if (action === "load") fail(`${sessionName} cannot be opened: ${cause}.`);
        else if (action !== "open" || message.startsWith("This model")) fail(message);
        else fail(`${fileName} cannot be opened: ${message}.`);
    },
};

// ---- Events of the page ----

$("load").onclick = loadIncluded;
$("write").onclick = write;
$("stop").onclick = () => worker.postMessage({type: "stop"});
$("undo").onclick = () => ask("undo");
$("retry").onclick = retry;
$("new").onclick = newText;
$("save").onclick = () => ask("save");
$("check").onclick = () => ask("check", {text: "Once upon a time"});
for (const id of ["model", "session"]) {
    $(id).onchange = async ({target}) => {
        await openFile(target.files[0]);
        target.value = ""; // the same file may be opened again
    };
}

$("text").onclick = ({target}) => {
    const at = [...$("text").children].indexOf(target);
    if (at >= 0 && !running) select(at + 1);
};
$("text").onkeydown = event => {
    const all = $("text").children.length, here = selected ?? all;
    const to = {
        ArrowLeft: here - 1, ArrowRight: here + 1, ArrowUp: here - 10, ArrowDown: here + 10,
        Home: 0, End: all, Escape: all,
    }[event.key];
    if (event.key === "Enter") write();
    else if (to === undefined || running || event.ctrlKey || event.altKey) return;
    else select(to);
    event.preventDefault();
};
document.onkeydown = event => {
    if (event.key === "Escape" && running) $("stop").click();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) write();
};

document.ondragover = event => {
    event.preventDefault();
    document.body.classList.add("drop");
};
document.ondragleave = () => document.body.classList.remove("drop");
document.ondrop = event => {
    event.preventDefault();
    document.body.classList.remove("drop");
    openFile(event.dataTransfer.files[0]);
};

if (location.hash === "#load") {
    history.replaceState(null, "", location.pathname);
    loadIncluded();
}
