// The draws that the pictures show: those of the last half of the time since the last change, and always a few.
//
// Memory stays flat: where the window is full, every second snapshot goes, and from then on twice as few are kept.

const CAPACITY = 96;
const LEAST = 6;

export class Window {
  constructor() {
    this.entries = [];
    this.forget();
  }

  forget() {
    this.entries.length = 0;
    this.changed();
  }

  // The target has changed: older snapshots stay only until there are a few new ones.
  changed() {
    this.entries.splice(0, Math.max(0, this.entries.length - LEAST));
    for (const entry of this.entries) entry.old = true;
    this.stride = 1;
    this.ticks = 0;
  }

  // Offer a snapshot: `make` is called where it is kept.
  offer(make) {
    this.ticks += 1;
    if (this.entries.length > 0 && this.ticks % this.stride !== 0) return;
    if (this.entries.length >= CAPACITY) {
      this.entries = this.entries.filter((_, index) => index % 2 === 1);
      this.stride *= 2;
    }
    this.entries.push({ ...make(), old: false });
  }

  // The snapshots that count, oldest first.
  get current() {
    const fresh = this.entries.filter((entry) => !entry.old).length;
    return this.entries.slice(-Math.max(LEAST, Math.ceil(fresh / 2)));
  }

  // Snapshots since the change.
  get fresh() {
    return this.entries.reduce((count, entry) => count + !entry.old, 0);
  }
}
