// SPDX-License-Identifier: Apache-2.0
// The module under node, with the engine.js of the page.  Prints "name: value" lines that run.sh
// compares with what the command line computes.
//
//     node node.mjs FOLDER CLI_SESSION PAGE_SESSION T5
//
// FOLDER: build/web.  CLI_SESSION: a session file to continue; PAGE_SESSION: one to write; T5: the
// model in the other packing.
import {readFileSync, writeFileSync} from "node:fs";

const [folder, theirs, ours, t5] = process.argv.slice(2);
await import(new URL(`file://${process.cwd()}/${folder}/engine.js`));

const module = new WebAssembly.Module(readFileSync(`${folder}/nomul.wasm`));
const engine = new globalThis.Engine(module);
const text = bytes => new TextDecoder().decode(bytes);
const say = (name, value) => console.log(`${name}: ${JSON.stringify(value)}`);

function open(kernels, path = `${folder}/model.gguf`) {
    const model = readFileSync(path);
    engine.reserve(model.length);
    engine.put(model, 0);
    return engine.open(kernels);
}

function generate(n) {
    let all = "";
    const last = Math.max(engine.generated, 0) + n; // -1 while the prompt is read
    for (let more = true; more && engine.generated < last;) {
        const step = engine.step();
        more = step.more;
        all += text(step.bytes);
    }
    return all;
}

// The message of what fails, or "none".
function failure(run) {
    try {
        run();
    } catch (error) {
        return error.message;
    }
    return "none";
}

for (const kernels of ["scalar", undefined]) {
    say("kernels", open(kernels).kernels);
    say("hash", engine.hash("Once upon a time"));
}
say("results compared", engine.selftest() > 10000);
engine.setOptions({seed: 6});
engine.begin();
engine.prompt("Once upon a time");
const start = engine.mark();
const story = generate(40);
const middle = engine.mark();
say("story", story);
say("rest", generate(20));

engine.rewind(start);
engine.prompt("");
say("undone and again", generate(40) === story);
engine.rewind(start, true);
engine.prompt("");
say("another one", generate(40) !== story);
engine.rewind(middle);
writeFileSync(ours, engine.save());
engine.forget(start);
engine.forget(middle);

const {mark, tail} = engine.load(readFileSync(theirs));
say("tail", text(tail).slice(-12));
engine.begin(mark);
engine.prompt("");
say("continued", generate(12));

open(undefined, t5);
say("packing t5", engine.hash("Once upon a time"));
open();
say("damaged session", failure(() => engine.load(readFileSync(theirs).subarray(0, 1000))));
say("too large", failure(() => engine.reserve(2 ** 31)));
say("foreign model", failure(() => {
    engine.reserve(5);
    engine.put(new TextEncoder().encode("hello"), 0);
    engine.open();
}));
