// A lesson as a page that scrolls: its sentences on the left, the playground beside them, each sentence with its state.

import { element } from './controls.js';

export function scrolling(view, host) {
  const { lesson } = view;
  const items = lesson.lesson.steps.map((step, at) =>
    element('li', { 'data-at': at }, element('button', { type: 'button', onclick: () => lesson.shown(at) }, `${at + 1}`), element('p', {}, step.text)),
  );
  const list = element('ol', { class: 'steps' }, ...items);
  host.after(list); // behind the playground for the keyboard: to walk over the list scrolls, and that turns the steps
  host.parentElement.classList.add('scrolling');
  const watcher = new IntersectionObserver(
    (entries) => {
      const seen = entries.find((entry) => entry.isIntersecting);
      if (seen && Number(seen.target.dataset.at) !== lesson.at) lesson.show(Number(seen.target.dataset.at));
    },
    { rootMargin: '-45% 0px -45% 0px' },
  );
  items.forEach((item) => watcher.observe(item));
  // sentences behind a guess that has not been made
  lesson.covered = (open) => items.forEach((item, at) => item.classList.toggle('covered', at > open));
  lesson.cover();
  lesson.shown = (at) => items[at].scrollIntoView({ block: 'center' });
}
