// Technical terms that show their entry of the glossary, marked as pages/ui/glossary.py marks them.

import { element } from './controls.js';

// glossary: pairs of a form and what its term means, the longest first. Gives a function from a text to its nodes, in which
// the first mention of each term that is not in `seen` has its entry, for the mouse and for the keyboard.
export function marking(glossary) {
  const pattern = new RegExp(`(?<![\\w/\`-])(?:${glossary.map(([form]) => `(${form})`).join('|')})(?![\\w/\`-])`, 'gi');
  return (text, seen = new Set()) => {
    const nodes = [];
    let from = 0;
    for (const found of text.matchAll(pattern)) {
      const [, meaning] = glossary[found.slice(1).findIndex((group) => group !== undefined)];
      if (seen.has(meaning)) continue;
      seen.add(meaning);
      nodes.push(text.slice(from, found.index), element('abbr', { tabindex: 0, title: meaning }, found[0]));
      from = found.index + found[0].length;
    }
    return [...nodes, text.slice(from)];
  };
}

// Mark the words of elements, in each of them a term once.
export function markAll(mark, elements) {
  for (const each of elements) {
    const seen = new Set();
    for (const child of [...each.childNodes]) if (child.nodeType === Node.TEXT_NODE) child.replaceWith(...mark(child.data, seen));
  }
}
