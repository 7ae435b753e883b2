// The Streamlit component: starts the playground in its place, from the modules that our own server gives.
const root = () => window.__streamlit?.BACKEND_BASE_URL ?? new URL('.', document.baseURI).href;

// Browsers may refuse a page its storage.
const attempt = (act) => {
  try {
    return act();
  } catch {
    return undefined;
  }
};

const parameter = (name) => ({
  read: () => new URLSearchParams(window.location.search).get(name) ?? '',
  write(text) {
    const url = new URL(window.location.href);
    if (text) url.searchParams.set(name, text);
    else url.searchParams.delete(name);
    if (url.href !== window.location.href) window.history.replaceState(window.history.state, '', url);
  },
});
const address = parameter('play');
const KEY = 'mtbkd-playground';
// The address, which forgets on the way to another page, and this tab's session, which does not.
const remembered = {
  read() {
    const text = address.read() || this.kept();
    if (text !== address.read()) address.write(text);
    this.keep(text);
    return text;
  },
  write(text) {
    address.write(text);
    this.keep(text);
  },
  keep: (text) => attempt(() => sessionStorage.setItem(KEY, text)),
  kept: () => attempt(() => sessionStorage.getItem(KEY)) ?? '',
};
const steps = { step: parameter('step'), present: parameter('present') };

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector('.playground-host');
  const base = `${root()}${data.modules}/`;
  const worker = () => new Worker(`${base}worker.js`, { type: 'module' });
  const page = (href, parameters) => {
    const url = new URL(`${root()}${href}`, document.baseURI);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.href;
  };
  const places = { worker, address: data.lesson ? address : remembered, steps, page, engine: `${root()}${data.engine}`, offline: `${base}${data.file}` };
  let gone = false;
  if (host.playground) host.playground.write(); // the page's own link, clicked once more, has emptied the address
  else {
    import(`${base}app.js`).then(({ Playground }) => {
      if (!gone && !host.playground) host.playground = new Playground(host, data, places);
    });
  }
  return () => {
    gone = true;
    host.playground?.end();
    host.playground = undefined;
  };
}
