import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { OnnxTagger } from "./tagger.mjs";

const [graph] = process.argv.slice(2);
const session = await ort.InferenceSession.create(graph, { intraOpNumThreads: 1 });
const tagger = new OnnxTagger(ort, session, JSON.parse(readFileSync(`${graph}.json`, "utf8")));
for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean))
  console.log(JSON.stringify((await tagger.tag([JSON.parse(line)]))[0]));
