"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const one = (query) => document.querySelector(query);
const all = (query) => [...document.querySelectorAll(query)];
const color = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
const HUES = ["#7d8793", "#5fa8a0", "#e0b13f", "#5b7fbf", "#c9564a", "#8c6bb1", "#7b9a3d", "#d98a4e", "#4ea3c9", "#b5658f", "#6f8f7a", "#a98252"];
const UNITS = { uS: "µS", degC: "°C", deg: "°", au: "", level: "" };
const unit = (name) => UNITS[name] ?? name;
const CONFIG = { displayModeBar: false };
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

/* ---- themes ---- */
function theme(name) {
  root.dataset.theme = name;
  draw();
}
function base(extra) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: color("paper"), margin: { l: 56, r: 16, t: 8, b: 36 }, showlegend: false,
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: color("soft") },
    hoverlabel: { bgcolor: color("sheet"), bordercolor: color("rule"), font: { color: color("ink"), size: 13 }, align: "left" },
    ...extra,
  };
}
function axis(extra) {
  return { gridcolor: color("rule"), zeroline: false, linecolor: color("rule"), tickcolor: color("rule"), ticklen: 4, fixedrange: true, ...extra };
}

const plot = (box, traces, layout) => Plotly.react(box, traces, { ...layout, width: box.clientWidth }, CONFIG);
const isNarrow = () => innerWidth < 600;

/* ---- small radio groups, with arrow keys ---- */
function stops(box, names, chosen, change) {
  box.replaceChildren(...names.map((name, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.role = "radio";
    button.textContent = name;
    button.setAttribute("aria-checked", String(i === chosen));
    button.tabIndex = i === chosen ? 0 : -1;
    button.onclick = () => pick(i);
    button.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { event.preventDefault(); pick((i + step + names.length) % names.length); box.children[(i + step + names.length) % names.length].focus(); }
    };
    return button;
  }));
  function pick(i) {
    [...box.children].forEach((b, j) => { b.setAttribute("aria-checked", String(j === i)); b.tabIndex = j === i ? 0 : -1; });
    change(i);
  }
}

/* ---- the timeline ---- */
const view = { who: 0, stop: 0, mode: "probability" };

function clock(t) {
  /* recordings side by side, a little gap between them; times in minutes. Takes of one segment stand by their number */
  if (t.recordings.length === t.start.length && t.start.length > 1) {
    const number = t.start.map((_, i) => i + 1);
    return { takes: true, begin: [], length: [], middle: number, start: number.map((n) => n - 0.5), end: number.map((n) => n + 0.5) };
  }
  const length = t.recordings.map((_, r) => Math.max(0, ...t.end.filter((_, i) => t.recording[i] === r)));
  const gap = Math.max(...length) * 0.03;
  const begin = [];
  length.reduce((sum, seconds, r) => { begin[r] = sum; return sum + seconds + gap; }, 0);
  const at = (i, seconds) => (begin[t.recording[i]] + seconds) / 60;
  return { begin: begin.map((s) => s / 60), length: length.map((s) => s / 60), middle: t.start.map((s, i) => at(i, (s + t.end[i]) / 2)), start: t.start.map((s, i) => at(i, s)), end: t.end.map((s, i) => at(i, s)) };
}
function broken(t, values) {
  /* lines do not run from one recording into the next */
  if (t.recordings.length === t.start.length) return values;
  const out = [];
  values.forEach((v, i) => { if (i && t.recording[i] !== t.recording[i - 1]) out.push(null); out.push(v); });
  return out;
}
function panels(t, answer) {
  const classes = t.emotions.length;
  const main = view.mode === "rating" ? ["valence", "arousal"] : ["probability"];
  const list = main.map((name) => ({ name, size: name === "probability" ? (classes > 2 ? 26 * classes : 190) : 130 }));
  t.signals.forEach((signal, j) => list.push({ name: "signal", j, size: 48 }));
  list.push({ name: "quality", size: 15 });
  if (answer.rule) list.push({ name: "rule", size: 19 });
  const gap = 16, total = list.reduce((sum, p) => sum + p.size + gap, 0);
  let top = total;
  list.forEach((p, i) => { p.domain = [(top - p.size) / total, top / total]; p.axis = i ? `y${i + 1}` : "y"; top -= p.size + gap; });
  return { list, height: total + 52 };
}
function timelineFigure(t, answer) {
  const x = clock(t), xb = broken(t, x.middle), { list, height } = panels(t, answer);
  const layout = base({ height, hovermode: "x unified", hoversubplots: "axis", margin: { l: isNarrow() ? 98 : 118, r: t.signals.length ? 42 : 14, t: 16, b: 36 }, shapes: [], annotations: [], dragmode: "zoom" });
  layout.xaxis = axis({ title: { text: x.takes ? "take" : "minutes, recordings side by side", font: { size: 12 } }, fixedrange: false, showgrid: false, range: [Math.min(...x.start), Math.max(...x.end)], showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: color("faint"), anchor: list.at(-1).axis, hoverformat: x.takes ? "d" : ".2f" });
  const traces = [];
  const add = (panel, trace) => traces.push({ x: xb, yaxis: panel.axis, ...trace });
  for (const panel of list) {
    const key = panel.axis === "y" ? "yaxis" : `yaxis${panel.axis.slice(1)}`;
    layout[key] = axis({ domain: panel.domain, anchor: "x", nticks: 4 });
    if (panel.name === "probability" && t.emotions.length > 2) heat(panel, key);
    else if (panel.name === "probability") binary(panel, key);
    else if (panel.name === "valence" || panel.name === "arousal") rating(panel, key, panel.name);
    else if (panel.name === "signal") signal(panel, key, t.signals[panel.j]);
    else if (panel.name === "quality") strip(panel, key, "quality", t.quality, [[0, color("poor")], [0.5, color("floor")], [1, color("accent-soft").slice(0, 7)]], 0, 1, t.quality.map((q) => `quality ${q.toFixed(2)}`));
    else strip(panel, key, "rule", answer.rule.map((r) => (r < 0 ? null : r % HUES.length)), HUES.map((c, i) => [i / (HUES.length - 1), c]), 0, HUES.length - 1, answer.rule.map((r, i) => (r < 0 ? "labelled by the person" : `rule ${r + 1}, ${Math.round(100 * answer.firing[i])} %`)));
  }
  x.begin.forEach((b, r) => { if (r) layout.shapes.push({ type: "line", x0: b - 0.5 * (b - x.begin[r - 1] - x.length[r - 1]), x1: b - 0.5 * (b - x.begin[r - 1] - x.length[r - 1]), yref: "paper", y0: 0, y1: 1, line: { color: color("rule"), width: 1 } }); });
  return { traces, layout };

  function title(key, text) { layout[key].title = { text, font: { size: 12 }, standoff: 6 }; }
  function band(panel, low, high) {
    /* one closed shape per recording */
    const px = [], py = [];
    t.recordings.forEach((_, r) => {
      const mine = t.start.map((_, i) => i).filter((i) => t.recording[i] === r), back = [...mine].reverse();
      px.push(...mine.map((i) => x.middle[i]), ...back.map((i) => x.middle[i]), null);
      py.push(...mine.map((i) => high[i]), ...back.map((i) => low[i]), null);
    });
    add(panel, { x: px, y: py, mode: "lines", line: { width: 0 }, fill: "toself", fillcolor: color("accent-soft"), hoverinfo: "skip" });
  }
  function binary(panel, key) {
    const p = answer.probability.map((row) => row[1]), half = answer.uncertainty.map((u) => 0.16 * u);
    layout[key] = { ...layout[key], range: [-0.14, 1.14], tickvals: [0, 0.5, 1], ticktext: [t.emotions[0], "", t.emotions[1]] };
    layout.shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, yref: panel.axis, y0: 0.5, y1: 0.5, line: { color: color("rule"), width: 1 } });
    band(panel, p.map((v, i) => Math.max(0, v - half[i])), p.map((v, i) => Math.min(1, v + half[i])));
    add(panel, { y: broken(t, p), mode: "lines", line: { color: color("accent"), width: 2 }, name: t.emotions[1], hovertemplate: `${t.emotions[1]} %{y:.2f}<extra></extra>` });
    marks(panel, (c) => (c ? 1.07 : -0.07), (c) => color(c ? "blue" : "faint"));
  }
  function heat(panel, key) {
    const shades = [[0, color("accent") + "00"], [1, color("accent")]];
    add(panel, { type: "heatmap", x: x.middle, y: t.emotions, z: t.emotions.map((_, c) => answer.probability.map((row) => row[c])), colorscale: shades, zmin: 0, zmax: 1, showscale: false, hovertemplate: "%{y} %{z:.2f}<extra></extra>", xgap: 1, ygap: 1 });
    layout[key] = { ...layout[key], autorange: "reversed", tickvals: t.emotions, showgrid: false };
    const known = t.truth.map((c, i) => [c, i]).filter(([c]) => c !== null);
    add(panel, { x: known.map(([, i]) => x.middle[i]), y: known.map(([c]) => t.emotions[c]), mode: "markers", marker: { symbol: known.map(([, i]) => (answer.support.includes(i) ? "diamond" : "circle-open")), size: known.map(([, i]) => (answer.support.includes(i) ? 9 : 7)), color: known.map(([, i]) => color(answer.support.includes(i) ? "open" : "ink")), line: { width: 1.3 } }, hovertemplate: "true: %{y}<extra></extra>" });
  }
  function rating(panel, key, name) {
    layout[key] = { ...layout[key], range: [-1.1, 1.1], tickvals: [-1, 0, 1] };
    title(key, name);
    const half = answer.uncertainty.map((u) => 0.3 * u), y = answer[name];
    band(panel, y.map((v, i) => v - half[i]), y.map((v, i) => v + half[i]));
    add(panel, { y: broken(t, t[name]), mode: "lines", line: { color: color("faint"), width: 1.6, dash: "dot" }, hovertemplate: "own rating %{y:.2f}<extra></extra>" });
    add(panel, { y: broken(t, y), mode: "lines", line: { color: color("accent"), width: 2 }, hovertemplate: `${name} %{y:.2f}<extra></extra>` });
    diamonds(panel, t[name]);
  }
  function signal(panel, key, s) {
    const known = s.values.filter((v) => v !== null), ends = [Math.min(...known), Math.max(...known)];
    layout[key] = { ...layout[key], side: "right", showgrid: false, tickvals: ends, ticktext: ends.map((v) => String(Number(v.toPrecision(3)))), tickfont: { size: 11 } };
    layout.annotations.push({ xref: "paper", x: -0.008, xanchor: "right", yref: "paper", y: (panel.domain[0] + panel.domain[1]) / 2, text: `${s.name}<br><span style="font-size:11px">${unit(s.unit)}</span>`, showarrow: false, font: { size: isNarrow() ? 11 : 12, color: color("soft") }, align: "right" });
    add(panel, { y: broken(t, s.values), mode: x.takes ? "markers" : "lines", marker: { size: 4, color: color("blue") }, line: { color: color("blue"), width: 1.3 }, connectgaps: false, hovertemplate: `${s.name} %{y:.3~g} ${unit(s.unit)}<extra></extra>` });
  }
  function strip(panel, key, name, z, colorscale, zmin, zmax, text) {
    layout[key] = { ...layout[key], showgrid: false, tickvals: [0], ticktext: [name], showticklabels: true };
    add(panel, { type: "heatmap", x: x.middle, y: [0], z: [z], text: [text], colorscale, zmin, zmax, showscale: false, hovertemplate: "%{text}<extra></extra>", opacity: 0.85 });
  }
  function marks(panel, height, paint) {
    const known = t.truth.map((c, i) => [c, i]).filter(([c]) => c !== null);
    if (!known.length) return;
    const mine = new Set(answer.support);
    add(panel, { x: known.map(([, i]) => x.middle[i]), y: known.map(([c]) => height(c)), mode: "markers", marker: { symbol: known.map(([, i]) => (mine.has(i) ? "diamond" : "line-ew-open")), size: known.map(([, i]) => (mine.has(i) ? 11 : 7)), color: known.map(([c, i]) => (mine.has(i) ? color("open") : paint(c))), line: { width: 2.4 } }, text: known.map(([c, i]) => `${mine.has(i) ? "labelled" : "true"}: ${t.emotions[c]}`), hovertemplate: "%{text}<extra></extra>" });
  }
  function diamonds(panel, values) {
    const mine = answer.support.filter((i) => values[i] !== null);
    add(panel, { x: mine.map((i) => x.middle[i]), y: mine.map((i) => values[i]), mode: "markers", marker: { symbol: "diamond", size: 10, color: color("open") }, hovertemplate: "labelled %{y:.2f}<extra></extra>" });
  }
}
function agreement(t, answer) {
  /* balanced over the classes of the segments that are not labels; an illustration, the tables follow the protocol */
  const mine = new Set(answer.support), right = {}, count = {};
  t.truth.forEach((c, i) => {
    if (c === null || mine.has(i)) return;
    const p = answer.probability[i];
    count[c] = (count[c] || 0) + 1;
    right[c] = (right[c] || 0) + (p.indexOf(Math.max(...p)) === c ? 1 : 0);
  });
  const classes = Object.keys(count);
  return classes.length ? classes.reduce((sum, c) => sum + right[c] / count[c], 0) / classes.length : null;
}
const given = (t, answer) => (answer.labels ? `${answer.labels} labels of ${t.emotions.length} classes` : "no labels");
function drawLegend(t, answer) {
  /* what the colours of the strips mean, without a pointer; rules that are the strongest somewhere, the most frequent first */
  const box = one("#legend"), quality = document.createElement("p");
  quality.innerHTML = 'quality of the signals: 0, unusable <span class="shade"></span> 1, good';
  box.replaceChildren(quality);
  if (!answer.rule) return;
  const count = {};
  answer.rule.filter((r) => r >= 0).forEach((r) => { count[r] = (count[r] || 0) + 1; });
  const heading = document.createElement("p"), list = document.createElement("ol");
  heading.textContent = "rule that fires most in each segment (no colour: labelled by the person), with the number of segments:";
  list.append(...Object.keys(count).map(Number).sort((a, b) => count[b] - count[a] || a - b).map((r) => {
    const item = document.createElement("li"), swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.setProperty("--hue", HUES[r % HUES.length]);
    item.append(swatch, `rule ${r + 1} (${count[r]}): ${(answer.words || t.rules)[r] || ""}`);
    return item;
  }));
  box.append(heading, list);
}
let shown = null, ticket = 0;
function drawTimeline(move) {
  if (!DATA.timelines.length) return;
  const t = DATA.timelines[view.who], answer = t.answers[view.stop], box = one("#timeline");
  const score = agreement(t, answer), first = agreement(t, t.answers[0]);
  one("#agreement").innerHTML = score === null ? "" : `<b>${score.toFixed(2)}</b> balanced accuracy, this person’s segments without a label; ${given(t, answer)}` + (view.stop && first !== null ? ` · ${first.toFixed(2)} with ${t.answers[0].labels || "no"} labels` : "");
  one("#rule").textContent = answer.rule ? "Point at the timeline, or tap it, to read the rule that is lit there." : "";
  drawLegend(t, answer);
  const mine = ++ticket;
  if (!move || still || !shown || shown.t !== t || shown.mode !== view.mode) settle(answer);
  else {
    const from = shown.answer, began = performance.now();
    const frame = (now) => {
      if (mine !== ticket) return;
      const s = Math.min(1, (now - began) / 520), e = s < 1 ? 1 - Math.pow(1 - s, 3) : 1;
      settle(e === 1 ? answer : blend(from, answer, e));
      if (e < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }
  shown = { t, answer, mode: view.mode };
  function settle(a) {
    const { traces, layout } = timelineFigure(t, a);
    plot(box, traces, layout);
    if (!box.dataset.heard) {
      box.dataset.heard = "yes";
      box.on("plotly_hover", (event) => lit(event));
    }
  }
}
function blend(a, b, e) {
  const mix = (p, q) => p.map((v, i) => (v === null || q[i] === null ? q[i] : v + e * (q[i] - v)));
  return { ...b, probability: b.probability.map((row, i) => mix(a.probability[i], row)), uncertainty: mix(a.uncertainty, b.uncertainty), valence: b.valence && a.valence ? mix(a.valence, b.valence) : b.valence, arousal: b.arousal && a.arousal ? mix(a.arousal, b.arousal) : b.arousal };
}
function lit(event) {
  const t = DATA.timelines[view.who], answer = t.answers[view.stop];
  if (!answer.rule) return;
  const x = clock(t).middle, at = event.xvals ? event.xvals[0] : event.points[0].x;
  const i = x.reduce((best, v, j) => (Math.abs(v - at) < Math.abs(x[best] - at) ? j : best), 0), r = answer.rule[i];
  one("#rule").textContent = r < 0 ? "This segment was labelled by the person." : `Rule ${r + 1}, ${Math.round(100 * answer.firing[i])} %: ${(answer.words || t.rules)[r] || ""}`;
}
function openTimeline() {
  if (!DATA.timelines.length) return;
  const t = DATA.timelines[view.who];
  view.stop = Math.min(view.stop, t.answers.length - 1);
  stops(one("#stops"), t.answers.map((a) => a.label), view.stop, (i) => { view.stop = i; drawTimeline(true); });
  const rated = t.answers.every((a) => a.valence && a.arousal);
  if (!rated) view.mode = "probability";
  one("#modes-box").hidden = !rated;
  one("#modes-box").style.display = rated ? "" : "none";
  const modes = ["probability", "rating"];
  stops(one("#modes"), ["classes", "valence and arousal"], modes.indexOf(view.mode), (i) => { view.mode = modes[i]; drawTimeline(false); });
  one("#timeline-note").textContent = "Band: wider where the answer is less sure (entropy; not a confidence interval). Diamonds: labels given by the person. Marks: the person’s own labels, which the model does not see. The balanced accuracy beside the switches counts every segment of this person without a label; the tables follow the protocol, which scores fewer. Drag to zoom, double-click to return.";
  drawTimeline(false);
}

/* ---- curves and people ---- */
const peopleK = {};
function drawCurve(box, table) {
  const x = table.k.map(String), best = table.best.at(-1);
  const traces = [], names = [];
  const line = (entry, style, label, withRange) => {
    const y = entry.scores.map((s) => s.mean);
    if (withRange) traces.push({ x, y, mode: "lines+markers", marker: { size: 8, color: style.color }, line: style, error_y: { type: "data", symmetric: false, array: entry.scores.map((s) => (s.mean === null ? 0 : s.high - s.mean)), arrayminus: entry.scores.map((s) => (s.mean === null ? 0 : s.mean - s.low)), thickness: 1.2, width: 0, color: style.color }, name: label, hovertemplate: `${label} %{y:.3f}<extra></extra>` });
    else traces.push({ x, y, mode: "lines", line: style, name: label, hovertemplate: `${label} %{y:.3f}<extra></extra>` });
  };
  const floor = table.k.map((_, i) => (table.floor[i] >= 0 ? table.lines[table.floor[i]].scores[i].mean : Math.max(...table.lines.filter((l) => l.role === "floor").map((l) => l.scores[i].mean ?? 0))));
  traces.push({ x, y: floor, mode: "lines", line: { color: color("floor"), width: 1.5, dash: "dash" }, fill: "tozeroy", fillcolor: color("floor") + "1f", name: "strongest floor", hovertemplate: "strongest floor %{y:.3f}<extra></extra>" });
  names.push({ text: "strongest floor", y: floor.at(-1), color: color("floor") });
  table.lines.forEach((entry, i) => {
    if (entry.role === "oracle" || entry.role === "floor" || entry.is_detail) return;
    const end = entry.scores.at(-1).mean;
    if (entry.is_main) { line(entry, { color: color("accent"), width: 3 }, entry.label, true); names.push({ text: `<b>${entry.label}</b>`, y: end, color: color("accent") }); }
    else if (i === best) { line(entry, { color: color("blue"), width: 2 }, entry.label, true); names.push({ text: entry.label, y: end, color: color("blue") }); }
    else { line(entry, { color: color("faint"), width: 1 }, entry.label, false); names.push({ text: entry.label, y: end, color: color("faint") }); }
  });
  const values = traces.flatMap((trace) => trace.y).filter((v) => v !== null);
  const bottom = Math.min(...values), top = Math.max(...values);
  // a share stays in 0..1; correlations may be negative and entropies above 1
  const low = bottom < 0 ? bottom - 0.06 : Math.max(0, bottom - 0.06), high = top > 1 ? top + 0.06 : Math.min(1.01, top + 0.06);
  const kept = names.filter((n) => n.y !== null && n.y !== undefined).sort((a, b) => b.y - a.y), least = (high - low) * 0.048;
  kept.forEach((n, i) => { n.at = i ? Math.min(n.y, kept[i - 1].at - least) : n.y; });
  const lift = Math.max(0, low + least / 2 - (kept.at(-1)?.at ?? high));
  const annotations = kept.map((n) => ({ x: 1.015, xref: "paper", xanchor: "left", y: n.at + lift, yref: "y", text: n.text, showarrow: false, font: { size: 12, color: n.color } }));
  const layout = base({ height: 340, hovermode: "x unified", annotations, margin: { l: 46, r: isNarrow() ? 112 : 148, t: 10, b: 40 } });
  layout.xaxis = axis({ type: "category", title: { text: "labels from the person (k)", font: { size: 12 } }, showgrid: false, range: [-0.25, x.length - 0.75 + 0.05] });
  layout.yaxis = axis({ range: [low, high], tickformat: ".2f" });
  plot(box, traces, layout);
}
function drawDots(box, table, i) {
  const main = table.lines.findIndex((l) => l.is_main), chosen = [table.floor[i], table.best[i], main].filter((j, at, list) => j >= 0 && list.indexOf(j) === at);
  const columns = (chosen.length ? chosen : table.lines.map((_, j) => j).filter((j) => table.lines[j].role !== "oracle" && !table.lines[j].is_detail)).map((j) => table.lines[j]);
  const x = columns.map((l) => l.label.replaceAll(" ", "<br>"));
  const paint = columns.map((l) => color(l.is_main ? "accent" : l.role === "floor" ? "floor" : "blue"));
  const traces = table.people.map((person, p) => ({ x, y: columns.map((l) => l.scores[i].people[p] ?? null), mode: "lines+markers", line: { color: color("faint") + "55", width: 1 }, marker: { size: 7, color: paint, opacity: 0.7 }, hovertemplate: `${person} %{y:.3f}<extra></extra>` }));
  traces.push({ x, y: columns.map((l) => l.scores[i].mean), mode: "markers", marker: { symbol: "line-ew-open", size: 34, color: paint, line: { width: 3 } }, error_y: { type: "data", symmetric: false, array: columns.map((l) => (l.scores[i].mean === null ? 0 : l.scores[i].high - l.scores[i].mean)), arrayminus: columns.map((l) => (l.scores[i].mean === null ? 0 : l.scores[i].mean - l.scores[i].low)), width: 0, thickness: 6, color: color("accent-soft") }, hovertemplate: "mean %{y:.3f}<extra></extra>" });
  const layout = base({ height: 340, hovermode: "closest", margin: { l: 42, r: 8, t: 10, b: 58 } });
  layout.xaxis = axis({ type: "category", showgrid: false, range: [-0.5, columns.length - 0.5], tickangle: 0 });
  layout.yaxis = axis({ tickformat: ".2f" });
  plot(box, traces, layout);
}
/* ---- how far to trust ---- */
const SHARES = [100, 80, 60, 40, 20];
const paintOf = (t) => color(t.is_main ? "accent" : t.role === "floor" ? "floor" : "blue");
function drawTrust(n, table, i) {
  const mine = table.trust.filter((t) => t.k === table.k[i]), box = one(`[data-abstain="${n}"]`);
  if (!box) return;
  const curves = mine.map((t) => ({ x: SHARES, y: t.curve, mode: "lines+markers", line: { color: paintOf(t), width: t.is_main ? 3 : 1.6, dash: t.role === "floor" ? "dash" : "solid" }, marker: { size: 6 }, hovertemplate: `${t.label}: %{y:.3f} right of the surest %{x} %<extra></extra>` }));
  const names = mine.map((t) => ({ x: 20, xanchor: "left", xshift: 8, y: t.curve.at(-1), text: t.label, showarrow: false, font: { size: 12, color: paintOf(t) } }));
  const layout = base({ height: 300, hovermode: "closest", annotations: names, margin: { l: 46, r: isNarrow() ? 112 : 148, t: 10, b: 40 } });
  layout.xaxis = axis({ title: { text: "segments answered, %", font: { size: 12 } }, range: [102, 18], tickvals: SHARES, showgrid: false });
  layout.yaxis = axis({ tickformat: ".2f" });
  plot(box, curves, layout);
  const sets = mine.filter((t) => t.coverage.length).flatMap((t) => [[`${t.label}<br>segments`, t.coverage, paintOf(t), t.numbers.size_segments], [`${t.label}<br>people`, t.coverage_people, paintOf(t), t.numbers.size_people]]);
  const dots = sets.map(([name, values, paint]) => ({ x: values.map(() => name), y: values, text: table.people, mode: "markers", marker: { size: 7, color: paint, opacity: 0.7 }, hovertemplate: "%{text} %{y:.3f}<extra></extra>" }));
  const cover = base({ height: 300, hovermode: "closest", margin: { l: 42, r: 8, t: 10, b: 58 }, shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 0.9, y1: 0.9, line: { color: color("rule"), width: 1.5, dash: "dot" } }] });
  cover.xaxis = axis({ type: "category", showgrid: false, range: [-0.5, Math.max(0.5, sets.length - 0.5)], tickangle: 0 });
  cover.yaxis = axis({ tickformat: ".2f" });
  plot(one(`[data-coverage="${n}"]`), dots, cover);
  const show = (v) => (v === null || v === undefined ? "–" : v.toFixed(3));
  one(`[data-trust="${n}"]`).textContent = mine.map((t) => `${t.label}: area under the risk curve ${show(t.numbers.aurc)}` + (t.coverage.length ? `, calibration error ${show(t.numbers.ece)} before and ${show(t.numbers.ece_calibrated)} after temperature, ${show(t.numbers.size_segments)} (segments) and ${show(t.numbers.size_people)} (people) emotions per set` : "")).join(" · ") + ".";
}
function drawPanel(n) {
  const table = DATA.tables[n];
  if (!(n in peopleK)) {
    const first = table.k.findIndex((k) => k > 0);
    peopleK[n] = first < 0 ? 0 : Math.min(first, table.k.length - 1);
    stops(one(`[data-people-k="${n}"]`), table.k.map(String), peopleK[n], (i) => { peopleK[n] = i; drawDots(one(`[data-dots="${n}"]`), table, i); drawTrust(n, table, i); });
  }
  drawCurve(one(`[data-curve="${n}"]`), table);
  drawDots(one(`[data-dots="${n}"]`), table, peopleK[n]);
  drawTrust(n, table, peopleK[n]);
}
function openPanel(n) {
  all(".tab").forEach((tab, i) => tab.setAttribute("aria-selected", String(i === n)));
  all(".panel").forEach((panel, i) => { panel.hidden = i !== n; });
  drawPanel(n);
  hint();
}
function draw() {
  shown = null;
  drawTimeline(false);
  all(".panel").forEach((panel, n) => { if (!panel.hidden) drawPanel(n); });
  hint();
}
function hint() {
  /* say so where a table or a figure goes on beyond the edge */
  all(".scroll").forEach((box) => box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1));
}
let width = innerWidth;
addEventListener("resize", () => {
  /* a phone that is turned: figures are drawn again at their new width; heights alone change when an address bar folds away */
  if (innerWidth === width) return;
  width = innerWidth;
  requestAnimationFrame(draw);
});
all("details").forEach((box) => box.addEventListener("toggle", hint));

one("#theme").onclick = () => theme(root.dataset.theme === "dark" ? "light" : "dark");
all(".tab").forEach((tab, n) => { tab.onclick = () => openPanel(n); });
if (one("#who")) one("#who").onchange = (event) => { view.who = Number(event.target.value); shown = null; openTimeline(); };
root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
openTimeline();
draw();
