// Colours and fonts: from the page around (Streamlit's variables), or from the file's own style sheet.

import { parse } from './maps.js';

// Whatever CSS colour, as #rrggbb.
function plain(colour, fallback) {
  const context = document.createElement('canvas').getContext('2d');
  context.fillStyle = fallback;
  context.fillStyle = colour;
  return context.fillStyle.startsWith('#') ? context.fillStyle : fallback;
}

const brightness = (hex) => parse(hex).reduce((sum, value, c) => sum + value * [0.299, 0.587, 0.114][c], 0);

// `palette`: {hues, light, dark} with scale, muted, more and less for each. The legends of the maps' shades get them, too.
export function lookOf(host, palette) {
  const style = getComputedStyle(host);
  const variable = (name, fallback) => plain(style.getPropertyValue(`--st-${name}`).trim() || fallback, fallback);
  const ground = variable('background-color', '#ffffff');
  const tone = brightness(ground) < 128 ? palette.dark : palette.light;
  host.style.setProperty('--shades', `linear-gradient(90deg, ${tone.scale.join(', ')})`);
  host.style.setProperty('--signed', `linear-gradient(90deg, ${tone.less}, ${ground}, ${tone.more})`);
  return {
    ground: parse(ground),
    groundText: ground,
    ink: variable('text-color', '#1d2430'),
    line: tone.muted,
    muted: tone.muted,
    font: style.getPropertyValue('--st-font').trim() || 'sans-serif',
    hues: palette.hues.map(parse),
    hueText: palette.hues,
    scale: tone.scale.map(parse),
    more: parse(tone.more),
    less: parse(tone.less),
  };
}
