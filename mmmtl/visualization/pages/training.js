'use strict';
// Charts of scalars over iterations: lines of several runs in each.
const { runs, groups } = JSON.parse(document.querySelector('.record').textContent);
const COLOURS = ['#3f7fd9', '#e07b00', '#2a9d5c', '#d1495b', '#8f5fd1', '#12a5a5', '#a8862c', '#d65fb0'];
const SIZE = { width: 420, height: 230, left: 56, right: 10, top: 10, bottom: 26 };
// All charts have the same axis, so that one looks from one to the next.
const LAST = runs.flatMap((run) => Object.values(run.series)).reduce((last, { steps }) => Math.max(last, steps.at(-1)), 1);
const shown = new Set(runs.keys());
const charts = [];
const FEW = 25; // points that are drawn one by one, and not smoothed
let smoothing = 0;
let logarithmic = false;

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const draw = (tag, attributes = {}, text = '') => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
};
const colourOf = (run) => COLOURS[run % COLOURS.length];
const isLoss = (name) => name.includes('loss');

function short(value) {
  if (value === null || value === undefined) return 'no number';
  const size = Math.abs(value);
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

// A mean that forgets; divided by its weights, so that it starts at the curve.
function smooth(values) {
  if (!smoothing || values.length <= FEW) return values;
  let mean = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = smoothing * mean + (1 - smoothing) * value;
    weight = smoothing * weight + (1 - smoothing);
    return mean / weight;
  });
}

// Round numbers between two ends, two at least.
function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) found.push(i * step);
  return found.length > 1 || count > 99 ? found : ticks(low, high, 2 * count);
}

function powers(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
    for (const factor of [1, 2, 5]) {
      const value = factor * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  if (found.length < 3) return ticks(low, high, 4).filter((value) => value > 0);
  return found.length > 7 ? found.filter((value) => Number.isInteger(Math.round(1e6 * Math.log10(value)) / 1e6)) : found;
}

class Chart {
  constructor(name) {
    this.name = name;
    this.svg = draw('svg', { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: 'img' });
    this.words = make('output', { className: 'words' });
    this.node = make('figure', {}, make('figcaption', { textContent: name }), this.svg, this.words);
    this.svg.addEventListener('pointermove', (event) => this.point(event));
    this.svg.addEventListener('pointerleave', () => this.say());
  }

  // Curves of the runs that are shown and have this scalar.
  curves() {
    return runs.flatMap((run, index) => {
      const found = run.series[this.name];
      if (!found || !shown.has(index)) return [];
      return [{ index, steps: found.steps, raw: found.values, values: smooth(found.values) }];
    });
  }

  render() {
    this.lines = this.curves();
    const { left, right, top, bottom, width, height } = SIZE;
    const numbers = this.lines.flatMap((line) => line.raw).filter((value) => value !== null);
    this.svg.replaceChildren();
    this.say();
    if (!numbers.length) return;
    const bound = (values) => values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    let [low, high] = bound(numbers);
    const [first, last] = [0, LAST];
    const log = logarithmic && isLoss(this.name) && low > 0;
    if (log) {
      [low, high] = [low / 1.05, high * 1.05];
    } else {
      const margin = 0.05 * (high - low) || 0.05 * Math.abs(high) || 1;
      [low, high] = [low - margin, high + margin];
    }
    const on = log ? Math.log : (value) => value;
    this.x = (step) => left + (width - left - right) * (step - first) / (last - first || 1);
    this.y = (value) => height - bottom - (height - top - bottom) * (on(value) - on(low)) / (on(high) - on(low));
    for (const value of log ? powers(low, high) : ticks(low, high, 4)) {
      const y = this.y(value);
      this.svg.append(draw('line', { x1: left, x2: width - right, y1: y, y2: y, class: 'grid' }),
        draw('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, short(value)));
    }
    for (const value of ticks(first, last, 5)) {
      const x = this.x(value);
      this.svg.append(draw('line', { x1: x, x2: x, y1: top, y2: height - bottom, class: 'grid' }),
        draw('text', { x, y: height - 8, 'text-anchor': 'middle' }, value >= 10000 ? `${short(value / 1000)}k` : short(value)));
    }
    for (const line of this.lines) {
      if (line.values !== line.raw) this.line(line, line.raw, 0.25);
      this.line(line, line.values, 1);
    }
    this.cursor = draw('line', { class: 'cursor', y1: top, y2: height - bottom, visibility: 'hidden' });
    this.svg.append(this.cursor);
    const said = this.lines.map((line) => `${runs[line.index].name} ends at ${short(line.raw.at(-1))}`);
    this.svg.setAttribute('aria-label', `${this.name} over ${short(last)} iterations: ${said.join(', ')}`);
  }

  line(line, values, opacity) {
    const stroke = colourOf(line.index);
    let path = '';
    let pen = 'M';
    values.forEach((value, i) => {
      if (value === null) {
        pen = 'M'; // a gap
        return;
      }
      path += `${pen}${this.x(line.steps[i]).toFixed(1)} ${this.y(value).toFixed(1)}`;
      pen = 'L';
    });
    this.svg.append(draw('path', { d: path, fill: 'none', stroke, opacity, 'stroke-width': 1.7, 'stroke-linejoin': 'round' }));
    if (values.length > FEW) return;
    values.forEach((value, i) => {
      if (value !== null) this.svg.append(draw('circle', { cx: this.x(line.steps[i]), cy: this.y(value), r: 2.4, fill: stroke }));
    });
  }

  point(event) {
    if (!this.lines.length || !this.x) return;
    const box = this.svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * SIZE.width;
    // The point of any curve that is nearest on the axis of iterations.
    let step = null;
    for (const line of this.lines) {
      for (const one of line.steps) {
        if (step === null || Math.abs(this.x(one) - at) < Math.abs(this.x(step) - at)) step = one;
      }
    }
    this.cursor.setAttribute('visibility', 'visible');
    for (const name of ['x1', 'x2']) this.cursor.setAttribute(name, this.x(step));
    this.say(step);
  }

  // What the curves say at a step; without one, at their ends.
  say(step = null) {
    if (step === null && this.cursor) this.cursor.setAttribute('visibility', 'hidden');
    this.words.replaceChildren(...this.lines.map((line) => {
      let place = line.steps.length - 1;
      if (step !== null) place = line.steps.findLastIndex((one) => one <= step);
      const text = place < 0 ? '' : short(line.values[place]);
      const dot = draw('svg', { width: 10, height: 10, 'aria-hidden': 'true' });
      dot.append(draw('circle', { cx: 5, cy: 5, r: 4, fill: colourOf(line.index) }));
      return make('span', { title: runs[line.index].name }, dot, ` ${text}`);
    }));
    if (this.lines.length) this.words.append(make('span', { className: 'step', textContent: step === null ? 'at the end' : `at ${step}` }));
  }
}

function renderAll() {
  for (const chart of charts) chart.render();
}

runs.forEach((run, index) => {
  const box = make('input', { type: 'checkbox', checked: true });
  box.addEventListener('change', () => {
    if (box.checked) shown.add(index);
    else shown.delete(index);
    renderAll();
  });
  const dot = draw('svg', { width: 14, height: 14, 'aria-hidden': 'true' });
  dot.append(draw('circle', { cx: 7, cy: 7, r: 6, fill: colourOf(index) }));
  $('runs').append(make('label', {}, box, dot, make('span', { textContent: run.name })));
});
for (const group of groups) {
  const made = group.charts.map((name) => new Chart(name));
  charts.push(...made);
  $('groups').append(make('section', {}, make('h2', { textContent: group.title }),
    make('div', { className: 'charts' }, ...made.map((chart) => chart.node))));
}
$('log').addEventListener('change', (event) => {
  logarithmic = event.target.checked;
  renderAll();
});
$('smoothing').addEventListener('input', (event) => {
  smoothing = Number(event.target.value);
  $('smoothing-value').textContent = smoothing;
  renderAll();
});
renderAll();
