// How large the maps are: as large as the width allows, and as small as the first screen needs. All in CSS pixels.

const GAP = 12;
const NUMBERS = 148; // their column beside the maps
const CAPTION = 62;
const ROOMY = 300; // a map that is narrower has its caption in one line more, where it stands on the stage

const SHORT = 34; // captions on a phone's stage
const END = 34; // below it all
const NARROW = 480; // three maps stand below one another there

export const columnsOf = (wanted, wide) => (wanted > 2 && wide < NARROW ? 1 : wanted);

// `wide`: of the place; `top`: where it begins; `height`: of the window; `numbers`: whether they stand beside the maps.
export function mapSize({ columns, wide, top, height, numbers }) {
  const beside = numbers && wide > 560 ? NUMBERS : 0;
  const fitting = Math.floor((wide - beside - GAP * (columns - 1)) / columns);
  if (columns === 1) return Math.max(120, Math.min(fitting, 340));
  const high = (Math.max(520, height) - Math.min(260, top)) / 2 - CAPTION;
  return Math.max(120, Math.min(fitting, Math.max(200, high), 340));
}

// On a lesson's page, which shows one row of maps: `room` is the height for it.
export function focusedSize({ columns, wide, room, beside }) {
  const fitting = Math.floor(((1 - beside) * wide - GAP * (columns - 1)) / columns);
  return Math.max(120, Math.min(fitting, Math.max(180, room - CAPTION), 340));
}

// On the stage: as many columns as make the maps largest. `maps`: how many; `under`: what stands below them, `beside`: the
// share of the width that they do not have.
export function staged({ maps, wide, top, height, under, beside }) {
  const left = height - top - under - END;
  const choices = Array.from({ length: Math.max(1, maps) }, (_, at) => {
    const columns = at + 1;
    const rows = Math.ceil(maps / columns);
    const fitting = Math.floor(((1 - beside) * wide - GAP * (columns - 1)) / columns);
    const within = (caption) => Math.min(fitting, Math.floor(left / rows - caption));
    const size = wide < NARROW ? within(SHORT) : within(CAPTION) < ROOMY ? within(CAPTION + 26) : within(CAPTION);
    return { columns, size: Math.max(110, size) };
  });
  return choices.reduce((best, choice) => (choice.size >= best.size ? choice : best));
}
