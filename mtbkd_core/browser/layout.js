// How large the maps are: as large as the width allows, and as small as the first screen needs. All in CSS pixels.

const GAP = 12;
const NUMBERS = 148; // their column beside the maps
const CAPTION = 62;
const STAGED_CAPTION = 96;

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

// On the stage, one row of maps; `under`: what stands below them, `beside`: the share of the width that they do not have.
export function stagedSize({ columns, wide, top, height, under, beside }) {
  const fitting = Math.floor(((1 - beside) * wide - GAP * (columns - 1)) / columns);
  return Math.max(160, Math.min(fitting, Math.max(180, height - top - STAGED_CAPTION - under)));
}
