const data = JSON.parse(document.getElementById("data").textContent);
const { tokens, layers, heads } = data, n = tokens.length;
const bytes = Uint8Array.from(atob(data.weights), c => c.charCodeAt(0));
const steps = new Uint16Array(bytes.buffer);
const atoms = data.tokenOfAtom.length;
const pieceOfAtom = Array(atoms);
data.pieces.forEach((piece, p) => { for (let a = piece.first; a < piece.last; a++) pieceOfAtom[a] = p; });
const stringOf = a => data.pieces[pieceOfAtom[a]].string;
const crossing = data.pieces.length > 0 && data.pieces.at(-1).string > 0;
const state = { layer: data.layer, head: data.head, direction: data.direction, token: null, pointed: null };
const svgName = "http://www.w3.org/2000/svg", byId = id => document.getElementById(id);
const make = (name, attributes, parent) => {
  const node = document.createElementNS(svgName, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return parent.appendChild(node);
};

// Weights of a layer and head, 0 for the mean of all; kept once computed.
const known = new Map();
function weights(layer, head) {
  const key = layer * (heads + 1) + head;
  if (!known.has(key)) {
    const found = new Float32Array(n * n);
    const ys = layer ? [layer - 1] : [...Array(layers).keys()], hs = head ? [head - 1] : [...Array(heads).keys()];
    for (const y of ys) for (const h of hs) {
      const place = y * heads + h, start = place * n * n;
      for (let k = 0; k < n * n; k++) found[k] += data.low[place] + data.step[place] * steps[start + k];
    }
    for (let k = 0; k < n * n; k++) found[k] /= ys.length * hs.length;
    known.set(key, found);
  }
  return known.get(key);
}
const largest = values => values.reduce((a, b) => Math.max(a, b), 1e-12);

// The score of each atom: from the kept token, from the atoms of other strings, or from all tokens; or to them.
function scores(w) {
  const given = state.direction === "given";
  const sums = Array(atoms).fill(0);
  for (let a = 0; a < atoms; a++) {
    const own = data.tokenOfAtom[a];
    if (own < 0) continue;
    for (let t = 0; t < n; t++) {
      if (state.token !== null && t !== state.token) continue;
      const other = data.atomOfToken[t];
      if (state.token === null && crossing && (other < 0 || stringOf(other) === stringOf(a))) continue;
      if (state.token === null && !crossing && given && (other < 0 || other === a)) continue;
      sums[a] += given ? w[own * n + t] : w[t * n + own];
    }
    if (state.token === null && !crossing && !given) sums[a] /= n;
  }
  const shown = [...sums];
  const strings = crossing && state.token === null ? [...new Set(data.pieces.map(p => p.string))] : [null];
  for (const string of strings) {
    const mine = sums.map((_, a) => a).filter(a => string === null || stringOf(a) === string);
    const high = Math.max(...mine.map(a => sums[a])), low = string === null ? 0 : Math.min(...mine.map(a => sums[a]));
    for (const a of mine) shown[a] = high > low ? Math.max(0, (sums[a] - low) / (high - low)) : 0;
  }
  return { sums, shown };
}

const palette = () => {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = name => {
    probe.fillStyle = style.getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data;
  };
  return { accent: rgb("--accent"), paper: rgb("--raised"), ink: style.getPropertyValue("--ink"), muted: style.getPropertyValue("--muted") };
};
let colours = palette();
function picture(w) {
  const image = new ImageData(n, n), high = largest(w);
  for (let k = 0; k < n * n; k++) {
    const share = Math.sqrt(Math.max(0, w[k] / high));
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = colours.paper[c] + share * (colours.accent[c] - colours.paper[c]);
    image.data[4 * k + 3] = 255;
  }
  return image;
}

function thumbnails() {
  const box = byId("heads"), wide = heads + 1;
  box.style.gridTemplateColumns = `2.6rem repeat(${wide}, minmax(0, 4.5rem))`;
  box.append(document.createElement("span"));
  for (let h = 1; h <= heads + 1; h++) box.append(Object.assign(document.createElement("span"), { textContent: h > heads ? "mean" : h }));
  for (let y = 1; y <= layers + 1; y++) {
    box.append(Object.assign(document.createElement("span"), { textContent: y > layers ? "mean" : y }));
    for (let h = 1; h <= heads + 1; h++) {
      const layer = y > layers ? 0 : y, head = h > heads ? 0 : h;
      const button = document.createElement("button"), canvas = document.createElement("canvas");
      Object.assign(button, { type: "button", tabIndex: -1, className: layer && head ? "" : "mean", title: named(layer, head) });
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", named(layer, head));
      button.dataset.layer = layer;
      button.dataset.head = head;
      button.addEventListener("click", () => { choose(layer, head); byId("heads").focus({ preventScroll: true }); });
      button.append(canvas);
      box.append(button);
    }
  }
}
function paintThumbnails() {
  for (const button of byId("heads").querySelectorAll("button")) {
    const canvas = button.firstChild;
    canvas.width = canvas.height = n;
    canvas.getContext("2d").putImageData(picture(weights(+button.dataset.layer, +button.dataset.head)), 0, 0);
  }
}
const named = (layer, head) => `${layer ? `layer ${layer}` : "mean of layers"}, ${head ? `head ${head}` : "mean of heads"}`;

function paintMap(w) {
  const canvas = byId("map"), wide = canvas.clientWidth, ratio = devicePixelRatio || 1;
  const longest = Math.min(8, Math.max(...tokens.map(t => t.length)));
  const cell = wide / (n + 3), labelled = cell >= 7, margin = labelled ? Math.min(wide / 5, longest * 7 + 8) : 0;
  const size = wide - margin, step = size / n;
  canvas.width = wide * ratio;
  canvas.height = wide * ratio;
  canvas.style.height = `${wide}px`;
  const paint = canvas.getContext("2d");
  paint.scale(ratio, ratio);
  const small = new OffscreenCanvas(n, n);
  small.getContext("2d").putImageData(picture(w), 0, 0);
  paint.imageSmoothingEnabled = false;
  paint.drawImage(small, margin, margin, size, size);
  canvas.onmousemove = event => {
    const box = canvas.getBoundingClientRect();
    const [k, q] = [event.clientX - box.left, event.clientY - box.top].map(v => Math.floor((v - margin) / step));
    byId("told").textContent = q >= 0 && k >= 0 && q < n && k < n ? `${tokens[q]} (${q}) to ${tokens[k]} (${k}): ${w[q * n + k].toPrecision(3)}` : "";
  };
  canvas.onclick = event => {
    const q = Math.floor((event.clientY - canvas.getBoundingClientRect().top - margin) / step);
    if (q >= 0 && q < n) keep(q);
  };
  if (!labelled) return;
  const type = getComputedStyle(document.documentElement).getPropertyValue("--mono");
  paint.font = `${Math.min(12, step * 0.85)}px ${type}`;
  paint.textBaseline = "middle";
  for (let t = 0; t < n; t++) {
    const label = tokens[t].slice(0, 8);
    paint.fillStyle = t === state.token ? colours.ink : colours.muted;
    paint.textAlign = "right";
    paint.fillText(label, margin - 4, margin + (t + 0.5) * step);
    paint.save();
    paint.translate(margin + (t + 0.5) * step, margin - 4);
    paint.rotate(-Math.PI / 2);
    paint.textAlign = "left";
    paint.fillText(label, 0, 0);
    paint.restore();
  }
}

function paintPairs(w) {
  const svg = byId("pairs"), line = 15, width = 340, left = 90, right = width - 90;
  svg.setAttribute("viewBox", `0 0 ${width} ${n * line + 6}`);
  svg.replaceChildren();
  const from = state.pointed ?? state.token, high = largest(w), lines = [];
  for (let q = 0; q < n; q++) for (let k = 0; k < n; k++) {
    if (from !== null && q !== from) continue;
    const share = w[q * n + k] / high;
    if (share > (from === null ? 0.12 : 0.01)) lines.push([share, q, k]);
  }
  lines.sort((a, b) => b[0] - a[0]);
  for (const [share, q, k] of lines.slice(0, 700)) {
    make("line", { x1: left, y1: (q + 0.6) * line, x2: right, y2: (k + 0.6) * line, "stroke-width": 0.4 + 2 * share, "stroke-opacity": Math.min(1, 0.06 + 0.94 * share) }, svg);
  }
  for (let t = 0; t < n; t++) for (const side of [left, right]) {
    const text = make("text", { x: side === left ? left - 5 : right + 5, y: (t + 0.6) * line, "text-anchor": side === left ? "end" : "start", "dominant-baseline": "middle" }, svg);
    text.textContent = tokens[t];
    if (side !== left) continue;
    if (t === state.token) text.setAttribute("class", "kept");
    text.addEventListener("mouseenter", () => { if (state.pointed !== t) { state.pointed = t; paintPairs(w); } });
    text.addEventListener("click", () => keep(t));
  }
  svg.onmouseleave = () => { if (state.pointed !== null) { state.pointed = null; paintPairs(w); } };
}

function paintStructures(w) {
  const { sums, shown } = scores(w);
  const received = Array(data.pieces.length).fill(0), given = [...received];
  let whole = 0;
  for (let q = 0; q < n; q++) for (let k = 0; k < n; k++) {
    whole += w[q * n + k];
    if (data.pieceOfToken[k] >= 0) received[data.pieceOfToken[k]] += w[q * n + k];
  }
  data.pieces.forEach((piece, p) => {
    const figure = document.querySelector(`figure[data-piece="${p}"]`);
    figure.querySelector(".share").textContent = `receives ${(100 * received[p] / whole).toFixed(0)} % of all attention`;
    const points = data.points[p];
    if (!points) return;
    const shade = figure.querySelector(".shade"), links = figure.querySelector(".links"), size = piece.last - piece.first;
    shade.replaceChildren();
    links.replaceChildren();
    for (let i = 0; i < size; i++) {
      const a = piece.first + i, own = data.tokenOfAtom[a];
      const circle = make("circle", { cx: points[i][0], cy: points[i][1], r: 11, "fill-opacity": (0.75 * shown[a]).toFixed(3), "data-atom": a, "data-score": shown[a].toFixed(5) }, shade);
      make("title", {}, circle).textContent = own < 0 ? "beyond what the model reads" : `${tokens[own]} (${a}): ${sums[a].toPrecision(3)}`;
      if (own >= 0) circle.addEventListener("click", () => keep(own));
      if (own >= 0 && own === state.token) circle.setAttribute("class", "kept");
    }
    const pairs = [];
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) {
      const [ti, tj] = [data.tokenOfAtom[piece.first + i], data.tokenOfAtom[piece.first + j]];
      if (ti < 0 || tj < 0 || (state.token !== null && state.token !== ti && state.token !== tj)) continue;
      pairs.push([(w[ti * n + tj] + w[tj * n + ti]) / 2, i, j]);
    }
    pairs.sort((a, b) => b[0] - a[0]);
    const high = pairs.length ? pairs[0][0] : 1;
    for (const [weight, i, j] of pairs.slice(0, Math.ceil(size * 0.6))) {
      if (weight < 0.25 * high || weight <= 0) break;
      const [[x1, y1], [x2, y2]] = [points[i], points[j]], bend = 0.14;
      const [mx, my] = [(x1 + x2) / 2 - bend * (y2 - y1), (y1 + y2) / 2 + bend * (x2 - x1)];
      make("path", { d: `M${x1} ${y1}Q${mx} ${my} ${x2} ${y2}`, "stroke-width": 1.2 + 2.2 * weight / high, "stroke-opacity": (0.15 + 0.6 * weight / high).toFixed(2) }, links);
    }
  });
}

function meaning() {
  const given = state.direction === "given";
  if (state.token !== null) return `Shaded: what atoms ${given ? "give to" : "receive from"} ${tokens[state.token]} (${state.token}), beside the most.`;
  if (crossing) return `Shaded: what atoms ${given ? "give to" : "receive from"} the atoms of the other strings, between 0 and 1 in each string (Payne et al. 2020, Eq. 4 and 5).`;
  return given ? "Shaded: what atoms give to other atoms, beside the most." : "Shaded: what atoms receive from all tokens, beside the most.";
}
function paint() {
  const w = weights(state.layer, state.head);
  for (const button of byId("heads").querySelectorAll("button")) {
    button.setAttribute("aria-checked", +button.dataset.layer === state.layer && +button.dataset.head === state.head);
  }
  byId("chosen").textContent = named(state.layer, state.head).replace(/^./, c => c.toUpperCase());
  byId("direction").textContent = state.direction === "given" ? "Show what atoms receive" : "Show what atoms give";
  byId("release").hidden = state.token === null;
  byId("release").textContent = state.token === null ? "" : `Let ${tokens[state.token]} (${state.token}) go`;
  byId("meaning").textContent = `${meaning()} Lines: the strongest pairs of atoms.`;
  paintStructures(w);
  paintMap(w);
  paintPairs(w);
}
function choose(layer, head) { Object.assign(state, { layer, head }); paint(); }
function keep(token) { state.token = state.token === token ? null : token; paint(); }
function turn() { state.direction = state.direction === "given" ? "received" : "given"; paint(); }

thumbnails();
paintThumbnails();
paint();
byId("direction").addEventListener("click", turn);
byId("release").addEventListener("click", () => keep(state.token));
addEventListener("resize", paint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = palette(); paintThumbnails(); paint(); });
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // The last row and column of the choice are the means, whose number is 0.
  const turned = (value, size, by) => ((((value || size + 1) - 1 + by) % (size + 1)) + size + 1) % (size + 1) + 1;
  const next = (value, size, by) => { const found = turned(value, size, by); return found > size ? 0 : found; };
  const moves = {
    ArrowRight: () => choose(state.layer, next(state.head, heads, 1)),
    ArrowLeft: () => choose(state.layer, next(state.head, heads, -1)),
    ArrowDown: () => choose(next(state.layer, layers, 1), state.head),
    ArrowUp: () => choose(next(state.layer, layers, -1), state.head),
    m: () => choose(state.layer, 0), l: () => choose(0, state.head), d: turn,
  };
  const move = moves[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!move) return;
  if (event.key.startsWith("Arrow") && document.activeElement !== byId("heads") && document.activeElement !== document.body) return;
  event.preventDefault();
  move();
});
