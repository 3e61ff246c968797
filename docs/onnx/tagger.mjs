const utf8 = (p) => p < 0x80 ? [p] : p < 0x800 ? [p >> 6 | 0xc0, p & 63 | 0x80] : p < 0x10000
  ? [p >> 12 | 0xe0, p >> 6 & 63 | 0x80, p & 63 | 0x80]  // TextEncoder would replace lone surrogates
  : [p >> 18 | 0xf0, p >> 12 & 63 | 0x80, p >> 6 & 63 | 0x80, p & 63 | 0x80];

function crc32(text) {
  let crc = ~0;
  for (const byte of [...text].flatMap((c) => utf8(c.codePointAt(0)))) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

export class OnnxTagger {
  constructor(ort, session, spec) {
    Object.assign(this, { ort, session, spec, words: new Map(spec.words), characters: new Map(spec.characters.ids) });
    this.vectors = spec.vectors.map((source) => new Map(source.rows));
  }

  features(form) {
    const { affixes, unknown, characters: { longest } } = this.spec, half = longest / 2, { buckets } = affixes;
    const points = [...form], lower = form.toLowerCase(), small = [...lower];
    const kind = (c) => /\p{Uppercase}/u.test(c) ? "X" : /\p{L}/u.test(c) ? "x"
      : /\p{Nd}/u.test(c) || affixes.other_digits.includes(c) ? "9" : c;
    const first = points.slice(0, affixes.shape_characters).map(kind).join("");
    const parts = [...affixes.prefixes.map((n) => small.slice(0, n).join("")),
      ...affixes.suffixes.map((n) => small.slice(-n).join("")), first.replace(/(.)\1{3,}/gsu, "$1$1$1")];
    return {
      words: [this.words.get(lower) ?? unknown],
      affixes: parts.map((part, i) => i * buckets + crc32(part) % buckets),
      characters: [...points.slice(0, half), ...points.slice(half).slice(-half)].map((c) => this.characters.get(c) ?? unknown),
      vectors: this.vectors.map((rows) => rows.get(form) ?? rows.get(lower) ?? 0),
    };
  }

  async tag(sentences) {
    const size = this.spec.sentence_tokens, count = (sentence) => Math.ceil(sentence.length / size);
    const cut = (sentence) => Array.from({ length: count(sentence) }, (_, i) => sentence.slice(i * size, (i + 1) * size));
    const pieces = sentences.flatMap(cut), tags = pieces.length ? await this.tagPieces(pieces) : [];
    return sentences.map((sentence) => tags.splice(0, count(sentence)).flat());
  }

  async tagPieces(pieces) {
    const forms = pieces.map((piece) => piece.map((form) => this.features(form)));
    const tokens = Math.max(...forms.map((sentence) => sentence.length)), feeds = {};
    const sizes = { sentences: forms.length, tokens, characters: Math.max(1, ...forms.flat().map((f) => f.characters.length)) };
    for (const { name, shape } of this.spec.inputs) {
      const dims = shape.map((axis) => sizes[axis] ?? axis), size = dims.reduce((a, b) => a * b);
      const data = new Int32Array(size).fill(this.spec.padding);
      forms.forEach((sentence, b) => name === "lengths" ? data[b] = sentence.length
        : sentence.forEach((form, t) => data.set(form[name], (b * tokens + t) * (dims[2] ?? 1))));
      feeds[name] = new this.ort.Tensor("int32", data, dims);
    }
    const { columns } = this.spec, { tags } = await this.session.run(feeds, ["tags"]);
    return forms.map((sentence, b) => sentence.map((_, t) =>
      columns.map((column, c) => column.tags[tags.data[(b * tokens + t) * columns.length + c]])));
  }
}
