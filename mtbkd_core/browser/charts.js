// Small charts beside the maps, as SVG text and one canvas: reliability, the simplex, shares, and numbers' history.

const text = (x, y, content, extra = '') => `<text x="${x}" y="${y}" ${extra}>${content}</text>`;
const percent = (value) => `${Math.round(100 * value)} %`;

// Confidence against the truth's probability; `before` may hold the bins that were pinned.
export function reliabilityChart(bins, before) {
  const [width, height, left, bottom] = [300, 236, 44, 40];
  const x = (value) => left + value * (width - left - 10);
  const y = (value) => height - bottom - value * (height - bottom - 10);
  const line = (rows, style) => {
    const at = rows.map((bin) => `${x(bin.confidence).toFixed(1)},${y(bin.right).toFixed(1)}`);
    const most = Math.max(...rows.map((bin) => bin.count), 1);
    const dots = rows.map(
      (bin) =>
        `<circle cx="${x(bin.confidence).toFixed(1)}" cy="${y(bin.right).toFixed(1)}" r="${(2.5 + 4.5 * Math.sqrt(bin.count / most)).toFixed(1)}"/>`,
    );
    return `<g class="${style}"><polyline points="${at.join(' ')}"/>${dots.join('')}</g>`;
  };
  const ticks = [0, 0.5, 1].map(
    (value) =>
      `${text(x(value), height - bottom + 16, percent(value), `text-anchor="${value === 1 ? 'end' : 'middle'}"`)}${text(left - 6, y(value) + 4, percent(value), 'text-anchor="end"')}`,
  );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Reliability: confidence against the true probability">
    <rect class="frame" x="${x(0)}" y="${y(1)}" width="${x(1) - x(0)}" height="${y(0) - y(1)}"/>
    <line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>
    ${ticks.join('')}${text((x(0) + x(1)) / 2, height - 6, 'confidence of the student', 'text-anchor="middle"')}
    <text transform="translate(11 ${(y(0) + y(1)) / 2}) rotate(-90)" text-anchor="middle">true probability</text>
    ${before ? line(before, 'before') : ''}${line(bins, 'after')}</svg>`;
}

// Shares of responsibility as bars, with the prior weight as a mark.
export function sharesChart(teachers, shares, weights, before) {
  return teachers
    .map(
      (teacher, k) => `<div class="share">
      <span class="name"><i style="background:${teacher.colour}"></i>${teacher.title}</span>
      <span class="track"><span class="fill" style="width:${100 * (shares[k] ?? 0)}%;background:${teacher.colour}"></span>
        <span class="weight" style="left:${100 * (weights[k] ?? 0)}%"></span>
        ${before?.[teacher.name] === undefined ? '' : `<span class="was" style="left:${100 * before[teacher.name]}%"></span>`}</span>
      <span class="value">${percent(shares[k] ?? 0)}</span></div>`,
    )
    .join('');
}

// The chosen point's intervals, one bar a class, with the mean and the truth.
export function intervalChart(point, names, hues, before) {
  return names
    .map((name, c) => {
      const [low, high] = point.intervals[c];
      const bar = (interval, style) =>
        `<span class="${style}" style="left:${100 * interval[0]}%;width:${Math.max(0.5, 100 * (interval[1] - interval[0]))}%;background:${hues[c]}"></span>`;
      return `<div class="share"><span class="name"><i style="background:${hues[c]}"></i>${name}</span>
      <span class="track">${before ? bar(before.intervals[c], 'band was-band') : ''}${bar([low, high], 'band')}
        <span class="mean" style="left:${100 * point.mean[c]}%"></span><span class="truth" style="left:${100 * point.truth[c]}%"></span></span>
      <span class="value">${Math.round(100 * low)}–${percent(high)}</span></div>`;
    })
    .join('');
}

// A number's history as a line.
export function sparkline(values, low, high) {
  const [width, height] = [96, 28];
  const at = values.map((value, i) => {
    const y = height - 3 - ((Math.min(high, Math.max(low, value)) - low) / (high - low)) * (height - 6);
    return `${((i * width) / Math.max(1, values.length - 1)).toFixed(1)},${y.toFixed(1)}`;
  });
  return `<svg class="spark" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true"><polyline points="${at.join(' ')}"/></svg>`;
}

const HALF = Math.sqrt(3) / 2;

// The exact simplex: each draw a dot, teachers in their colours, the mean and the truth.
export function drawSimplex(canvas, point, before, names, teachers, look) {
  const context = canvas.getContext('2d');
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [280, 250];
  if (canvas.width !== width * ratio) [canvas.width, canvas.height] = [width * ratio, height * ratio];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const [side, left, top] = [220, 30, 24];
  const place = (a, b, c) => [left + side * (0.5 * a + c), top + side * HALF * (1 - a)];
  context.strokeStyle = look.line;
  context.lineWidth = 1.25;
  context.beginPath();
  for (const corner of [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [1, 0, 0],
  ])
    context.lineTo(...place(...corner));
  context.stroke();
  const dots = (draws, style, alpha) => {
    context.fillStyle = style;
    context.globalAlpha = alpha;
    const every = Math.max(1, Math.ceil(draws.length / 3 / 500));
    for (let i = 0; i + 2 < draws.length; i += 3 * every) {
      const [x, y] = place(draws[i], draws[i + 1], draws[i + 2]);
      context.beginPath();
      context.arc(x, y, 1.8, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  };
  if (before) dots(before.draws, look.muted, 0.35);
  dots(point.draws, look.ink, 0.4);
  point.teachers.forEach((p, k) => diamond(context, place(...p), 6, teachers[k].colour, look));
  cross(context, place(...point.truth), look);
  const [x, y] = place(...point.mean);
  context.beginPath();
  context.arc(x, y, 5, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: look.groundText, strokeStyle: look.ink, lineWidth: 2.5 });
  context.fill();
  context.stroke();
  corners(context, names, place, look);
}

function corners(context, names, place, look) {
  Object.assign(context, { fillStyle: look.ink, font: `600 15px ${look.font}`, textBaseline: 'middle' });
  const offsets = [
    ['center', 0, -13],
    ['right', -7, 4],
    ['left', 7, 4],
  ];
  names.forEach((name, c) => {
    const [align, dx, dy] = offsets[c];
    const [x, y] = place(...[0, 1, 2].map((other) => Number(other === c)));
    context.textAlign = align;
    context.fillText(name, x + dx, y + dy);
  });
}

function diamond(context, [x, y], radius, colour, look) {
  context.beginPath();
  for (const [dx, dy] of [
    [0, -1],
    [1, 0],
    [0, 1],
    [-1, 0],
  ])
    context.lineTo(x + radius * dx, y + radius * dy);
  context.closePath();
  Object.assign(context, { fillStyle: colour, strokeStyle: look.groundText, lineWidth: 1.5 });
  context.fill();
  context.stroke();
}

function cross(context, [x, y], look) {
  for (const [width, style] of [
    [5, look.groundText],
    [2.5, look.ink],
  ]) {
    Object.assign(context, { lineWidth: width, strokeStyle: style });
    context.beginPath();
    for (const [dx, dy] of [
      [1, 1],
      [1, -1],
    ]) {
      context.moveTo(x - 6 * dx, y - 6 * dy);
      context.lineTo(x + 6 * dx, y + 6 * dy);
    }
    context.stroke();
  }
}
