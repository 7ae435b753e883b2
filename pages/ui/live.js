// Draws a run under way: asks the server for its story until it has ended, then has the page drawn again.
const root = () => window.__streamlit?.BACKEND_BASE_URL ?? new URL('.', document.baseURI).href;

const panel = (shown) => `
  <section>
    <h3>${shown.title}</h3>
    <p class="live-caption">${shown.caption}</p>
    ${shown.curve}
    <p class="live-legend">${shown.legend.map(([colour, name]) => `<span><i style="background:${colour}"></i>${name}</span>`).join('')}</p>
  </section>`;

function draw(place, story) {
  const share = Math.round(100 * Math.min(1, Math.max(0, story.fraction)));
  if (!place.firstChild) {
    place.innerHTML = `
      <p class="live-text"></p>
      <div class="live-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-label="Progress"><div></div></div>
      <p class="live-reason" role="alert" hidden></p>
      <div class="live-panels"></div>`;
  }
  const [text, bar, reason, panels] = place.children;
  text.textContent = story.text;
  bar.setAttribute('aria-valuenow', share);
  bar.firstChild.style.width = `${share}%`;
  reason.textContent = story.reason ?? '';
  reason.hidden = !story.reason;
  panels.innerHTML = story.panels.map(panel).join('');
}

export default function ({ data, parentElement, setTriggerValue }) {
  const place = parentElement.querySelector('.live-run');
  place.watched?.abort(); // called again when the page was drawn again
  const watched = (place.watched = new AbortController());
  const look = async () => {
    try {
      const answer = await fetch(root() + data.address, { cache: 'no-store', signal: watched.signal });
      if (answer.ok) {
        const story = await answer.json();
        if (story.ended) return setTriggerValue('ended', data.run);
        draw(place, story);
      }
    } catch { /* the server is away, which Streamlit itself shows; or the watch has ended */ }
    if (!watched.signal.aborted) setTimeout(look, data.every);
  };
  look();
  return () => watched.abort();
}
