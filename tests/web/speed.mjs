// SPDX-License-Identifier: Apache-2.0
// Tokens per second of the module under node beside the program's, one thread each, in turns, as a
// machine's speed varies; and the median of the quotients.
//
//     node speed.mjs FOLDER NOMUL [ROUNDS]       FOLDER: build/web
import {execFileSync} from "node:child_process";
import {readFileSync} from "node:fs";

const [folder, nomul, rounds = "7"] = process.argv.slice(2);
await import(new URL(`file://${process.cwd()}/${folder}/engine.js`));

const N = 128; // tokens
const engine = new globalThis.Engine(
    new WebAssembly.Module(readFileSync(`${folder}/nomul.wasm`)));

function open(kernels) {
    const model = readFileSync(`${folder}/model.gguf`);
    engine.reserve(model.length);
    engine.put(model, 0);
    engine.open(kernels);
    engine.setOptions({temp: 0});
}

// A page's loop, decoding alone.
function ours() {
    engine.begin();
    engine.prompt("Once");
    while (engine.generated < 1) engine.step();
    const begin = performance.now();
    while (engine.generated < 1 + N) engine.step();
    return N / (performance.now() - begin) * 1000;
}

function theirs(kernels) {
    const json = execFileSync(nomul, ["run", "-m", `${folder}/model.gguf`, "-p", "Once", "--temp",
        "0", "-n", N + 1, "-t", "1", "--kernels", kernels, "--json", "-q", "--ignore-eos"]);
    return JSON.parse(json).timings.predicted_per_second;
}

const median = list => list.sort((a, b) => a - b)[list.length >> 1];

for (const [wasm, native] of [["scalar", "scalar"], ["simd128", "ssse3"]]) {
    open(wasm);
    ours();
    const quotients = [], a = [], b = [];
    for (let i = 0; i < (wasm === "scalar" ? 3 : +rounds); i++) {
        a.push(ours());
        b.push(theirs(native));
        quotients.push(a.at(-1) / b.at(-1));
    }
    console.log(`${wasm} ${median(a).toFixed(1)} tokens/s, native ${native} ` +
        `${median(b).toFixed(1)}: ${(100 * median(quotients)).toFixed(0)} %`);
}
