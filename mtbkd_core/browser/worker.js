// The worker: {configure}, {choose}, {tick: milliseconds, numbers} in; what was found after each tick out, with scores and
// the chosen point where `numbers` are wanted. {before: settings} samples a state, pins it, and sends what it found there
// as {before}. It rests between ticks.

import { Session } from './session.js';

let session;

export function receive(message, send) {
  if (message.begin) session = new Session(message.begin.plane, message.begin);
  if (message.configure) session.configure(message.configure);
  if (message.before) send({ before: session.sampleBefore(message.before) }, []);
  if (message.choose) session.chosen.set(message.choose);
  if (message.pin !== undefined) session.pin(message.pin);
  if (message.tick === undefined) return;
  const found = session.tick(message.tick, { numbers: message.numbers });
  const { mean, epistemic, lines, starts, point } = found;
  const arrays = [...(mean ? [mean, epistemic, lines, starts] : []), ...(point ? [point.draws] : [])];
  send(
    found,
    arrays.map((array) => array.buffer),
  );
}

if (typeof WorkerGlobalScope !== 'undefined' && self instanceof WorkerGlobalScope) {
  self.onmessage = ({ data }) => receive(data, (message, transfer) => self.postMessage(message, transfer));
}
