import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { OnnxTagger } from "./tagger.mjs";

const session = await ort.InferenceSession.create("english.onnx");
const tagger = new OnnxTagger(ort, session, await (await fetch("english.onnx.json")).json());
document.body.textContent = JSON.stringify(await tagger.tag([["They", "book", "flights", "."]]));
