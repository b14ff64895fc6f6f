'use strict';
// Shows one picture with its maps. Text from files is only ever set as text.
const $ = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A colour from a record; anything else stays black.
const colour = (text) => (/^#[0-9a-f]{6}$/.test(text) ? text : '#000000');

const viewer = {
  record: null,
  task: null, // by name, so that it stays from picture to picture
  levels: new Map(), // of the record shown, by task
  at: null, // shares of width and height
  mouse: null, // where it was last seen on a picture, in the window

  async show(record) {
    this.record = record;
    this.levels = new Map();
    const tasks = record.tasks.map((item) => item.task);
    if (!tasks.includes(this.task)) [this.task] = tasks;
    $('viewer').hidden = false;
    $('image').src = record.image;
    $('image').alt = `photo ${record.name}`;
    // Small pictures are enlarged, tall ones kept within the window.
    const side = Math.min(Math.max(record.width, 640), 960);
    $('stage').style.width = `min(100%, ${side}px, ${74 * record.width / record.height}vh)`;
    $('stage').style.aspectRatio = `${record.width} / ${record.height}`;
    $('split').parentElement.style.width = $('stage').style.width;
    // The mouse stays where it is; the picture below it is another one.
    if (this.mouse) this.at = within($('stage'), this.mouse);
    $('size').textContent = `${record.name}, ${record.width} x ${record.height} pixels`;
    $('tasks').replaceChildren(...tasks.map((name, index) => {
      const button = make('button', { type: 'button', textContent: name });
      if (index < 9) button.setAttribute('aria-keyshortcuts', String(index + 1));
      button.addEventListener('click', () => this.choose(name));
      return button;
    }));
    this.choose(this.task);
    for (const item of record.tasks) {
      const found = await decode(item.values, record.grid);
      if (this.record === record) this.levels.set(item.task, found);
    }
    this.read();
  },

  get current() {
    return this.record.tasks.find((item) => item.task === this.task);
  },

  choose(name) {
    this.task = name;
    const item = this.current;
    for (const button of $('tasks').children) {
      button.setAttribute('aria-pressed', String(button.textContent === name));
    }
    $('painting').src = item.picture;
    $('painting').alt = `${name} of ${this.record.name}: ${inWords(item)}`;
    $('task-name').textContent = name;
    $('task-unit').textContent = item.unit;
    $('split-task').textContent = name;
    $('details').replaceChildren(...details(item));
    const { download } = item;
    $('download').hidden = !download;
    if (download) {
      $('download').href = download.address;
      $('download').download = download.name;
      $('download').textContent = `Download ${download.name}`;
    }
    $('precision').textContent = precision(item, this.record);
    this.read();
  },

  divide(share) {
    $('split').value = share;
    $('painting').style.clipPath = `inset(0 0 0 ${share}%)`;
    $('divider').style.left = `${share}%`;
  },

  // The values at a point, as words by task.
  read() {
    const { record, at } = this;
    const point = at || [0.5, 0.5];
    $('where').textContent = at ? 'At the pointer' : 'In the middle';
    const { width, height } = record.grid;
    const x = Math.min(Math.floor(point[0] * width), width - 1);
    const y = Math.min(Math.floor(point[1] * height), height - 1);
    let shown = '';
    $('readout').replaceChildren(...record.tasks.map((item) => {
      const levels = this.levels.get(item.task);
      const text = levels ? valueText(item, levels, y * width + x, width * height) : '';
      if (item.task === this.task) shown = text;
      const row = make('tr', {}, make('th', { scope: 'row', textContent: item.task }), make('td', { textContent: text }));
      row.classList.toggle('here', item.task === this.task);
      return row;
    }));
    for (const line of $('details').querySelectorAll('.legend li')) {
      line.classList.toggle('here', line.dataset.name === shown);
    }
    $('probe').hidden = $('tip').hidden = !at;
    if (!at) return;
    $('probe').style.left = `${100 * point[0]}%`;
    $('probe').style.top = `${100 * point[1]}%`;
    const tip = $('tip');
    tip.textContent = shown;
    // Beside the point, on the side where there is room.
    tip.style.left = point[0] < 0.5 ? `calc(${100 * point[0]}% + 14px)` : 'auto';
    tip.style.right = point[0] < 0.5 ? 'auto' : `calc(${100 - 100 * point[0]}% + 14px)`;
    tip.style.top = `calc(${100 * point[1]}% - ${point[1] < 0.1 ? -6 : 28}px)`;
  },
};

async function decode(values, grid) {
  const bytes = Uint8Array.from(atob(values.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const steps = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = values.planes * grid.width * grid.height;
  const levels = new Uint16Array(count);
  let level = 0;
  for (let i = 0; i < count; i += 1) {
    level = (level + steps[i] + (steps[count + i] << 8)) & 65535;
    levels[i] = level;
  }
  return levels;
}

function valueText(item, levels, index, size) {
  const { planes, low, step } = item.values;
  const found = [];
  for (let plane = 0; plane < planes; plane += 1) {
    const level = levels[plane * size + index];
    if (level === 65535) return 'no value';
    found.push(low + step * level);
  }
  if (item.form === 'classes') {
    const known = item.classes.find((one) => one.id === found[0]);
    return known ? known.name : `class ${found[0]}`;
  }
  if (item.form === 'vector') return `(${found.map((value) => signed(value)).join(', ')})`;
  return withUnit(found[0].toFixed(digits(step)), item);
}

const signed = (value) => (value < 0 ? '\u2212' : '+') + Math.abs(value).toFixed(2);
const digits = (step) => Math.min(Math.max(Math.floor(-Math.log10(step)), 0), 6);
const withUnit = (text, item) => (item.symbol ? `${text} ${item.symbol}` : text);
const short = (value) => String(Number(value.toPrecision(3)));

function inWords(item) {
  if (item.form === 'classes') {
    return item.classes.slice(0, 3).map((one) => `${one.name} ${Math.round(100 * one.share)} %`).join(', ');
  }
  if (item.median === undefined) return item.unit;
  return `${short(item.least)} to ${withUnit(short(item.most), item)}, median ${withUnit(short(item.median), item)}`;
}

function precision(item, record) {
  const every = record.width / record.grid.width;
  const where = every > 1.01 ? `One value is stored per ${every.toFixed(1)} x ${every.toFixed(1)} pixels` : 'Values are stored for every pixel';
  if (item.form === 'classes') return `${where}.`;
  return `${where}, in steps of ${withUnit(item.values.step.toPrecision(2), item)}.`;
}

function details(item) {
  if (item.form === 'classes') return [legend(item.classes)];
  const nodes = [histogram(item)];
  const [low, high] = item.ends;
  if (item.colours) nodes.push(colourBar(item.colours));
  nodes.push(make('div', { className: 'ends' },
    make('span', { textContent: withUnit(short(low), item) }),
    make('span', { textContent: withUnit(short(high), item) })));
  nodes.push(make('p', { className: 'note', textContent: item.form === 'vector'
    ? 'How often each component has which value.'
    : `How often each value occurs: ${inWords(item)}. What lies beyond the colours is counted at their ends.` }));
  if (item.axes) nodes.push(legend(item.axes));
  return nodes;
}

function swatch(text) {
  return draw('svg', { class: 'swatch', width: 16, height: 14, 'aria-hidden': 'true' },
    draw('rect', { width: 16, height: 14, fill: colour(text) }));
}

function legend(rows) {
  return make('ul', { className: 'legend' }, ...rows.map((row) => {
    const line = make('li', {}, swatch(row.colour), make('span', { textContent: row.name }));
    if (row.share !== undefined) {
      line.dataset.name = row.name;
      line.append(make('span', { className: 'number', textContent: `${(100 * row.share).toFixed(1)} %` }));
    }
    return line;
  }));
}

function colourBar(colours) {
  const width = 100 / colours.length;
  return draw('svg', { class: 'colours', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    ...colours.map((text, i) => draw('rect', { x: i * width, width: width + 0.1, height: 4, fill: colour(text) })));
}

const LINES = [['#d1495b', 'x'], ['#2a9d5c', 'y'], ['#3f7fd9', 'z']];

function histogram(item) {
  const top = Math.max(...item.counts.flat(), 1e-9);
  const picture = draw('svg', { viewBox: '0 0 300 90', role: 'img', 'aria-label': `histogram of ${item.task}: ${inWords(item)}` });
  item.counts.forEach((counts, plane) => {
    const width = 300 / counts.length;
    let path = '';
    counts.forEach((share, i) => {
      const y = (88 - 84 * (share / top)).toFixed(1);
      path += `${i ? 'L' : 'M'}${(i * width).toFixed(1)} ${y}L${((i + 1) * width).toFixed(1)} ${y}`;
    });
    const lines = item.counts.length > 1;
    const tone = lines ? LINES[plane % 3][0] : 'var(--accent)';
    picture.append(draw('path', lines
      ? { d: path, fill: 'none', stroke: tone, 'stroke-width': 1.5 }
      : { d: `${path}L300 88L0 88Z`, fill: tone }));
    if (lines) {
      const label = draw('text', { x: 6 + 16 * plane, y: 14, fill: tone, 'font-size': 13 });
      label.textContent = plane < 3 ? LINES[plane][1] : String(plane);
      picture.append(label);
    }
  });
  return picture;
}

// A place in the window as shares of a node's sides.
function within(node, { clientX, clientY }) {
  const box = node.getBoundingClientRect();
  return [(clientX - box.left) / box.width, (clientY - box.top) / box.height]
    .map((value) => Math.min(Math.max(value, 0), 1));
}

function startViewer() {
  const stage = $('stage');
  let held = false;
  stage.addEventListener('pointerdown', (event) => {
    held = true;
    stage.setPointerCapture(event.pointerId);
    viewer.divide(Math.round(100 * within(stage, event)[0]));
  });
  stage.addEventListener('pointermove', (event) => {
    viewer.mouse = { clientX: event.clientX, clientY: event.clientY };
    viewer.at = within(stage, event);
    viewer.read();
    if (held) viewer.divide(Math.round(100 * viewer.at[0]));
  });
  for (const name of ['pointerup', 'pointercancel']) stage.addEventListener(name, () => { held = false; });
  stage.addEventListener('pointerleave', () => {
    viewer.mouse = null;
    viewer.at = null;
    viewer.read();
  });
  stage.addEventListener('keydown', (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    viewer.mouse = null;
    const far = event.shiftKey ? 0.1 : 0.01;
    viewer.at = (viewer.at || [0.5, 0.5]).map((value, i) => Math.min(Math.max(value + far * way[i], 0), 1));
    viewer.read();
  });
  $('split').addEventListener('input', (event) => viewer.divide(event.target.value));
  viewer.divide(50);
  document.addEventListener('keydown', (event) => {
    if (!viewer.record || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[1-9]$/.test(event.key)) {
      const item = viewer.record.tasks[event.key - 1];
      if (item) viewer.choose(item.task);
    } else if (event.key === ' ' && !event.target.closest('button, input, a, select')) {
      event.preventDefault();
      viewer.divide($('split').value > 0 ? 0 : 100);
    }
  });
}
startViewer();
