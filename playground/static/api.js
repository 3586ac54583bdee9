// Calls to the server and the stream of live events. Knows nothing of the page.

export class Refused extends Error {}

async function answered(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(body.error || body.description || `the server answered ${response.status}`);
  return body;
}

export async function get(path, parameters = {}) {
  return answered(await fetch(`${path}?${new URLSearchParams(parameters)}`));
}

export async function post(path, body) {
  const headers = {"Content-Type": "application/json"};
  return answered(await fetch(path, {method: "POST", headers, body: JSON.stringify(body)}));
}

export async function upload(fields, file) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file);
  return answered(await fetch("/api/upload", {method: "POST", body: form}));
}

// Keeps a stream open for ever: onEvent for each event, onState(true/false) as it comes and goes.
export function listen(onEvent, onState) {
  let wait = 250;
  const open = () => {
    const source = new EventSource("/api/events");
    source.onmessage = (message) => {
      wait = 250;
      onEvent(JSON.parse(message.data));
    };
    source.onerror = () => {
      source.close();
      onState(false);
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 3000);
    };
  };
  open();
}
