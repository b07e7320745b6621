// Voxels and surfaces: from the page itself, or from the server that the page came from.
const gunzipped = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
};

const bytesOfText = (text) => {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
};

// `told(share)` is called with the share that has arrived, from 0 to 1.
const loaded = async (name, { isPacked, told }) => {
  const embedded = document.getElementById(`file-${name}`);
  if (embedded !== null) {
    const bytes = bytesOfText(embedded.textContent);
    embedded.remove();  // the text is as large as the bytes, and not needed again
    return gunzipped(bytes);
  }
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  const size = Number(answer.headers.get("Content-Length"));
  const bytes = new Uint8Array(size);
  const reader = answer.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes.set(value, at);
    at += value.length;
    told(at / size);
  }
  if (at !== size) throw new Error(`${name}: ${at} of ${size} bytes came`);
  return isPacked ? gunzipped(bytes) : bytes.buffer;
};

// The server ends when no page is open: it sees that by this connection, which stays open as long as the page.
const keepAlive = async (ended) => {
  try {
    const reader = (await fetch("alive")).body.getReader();
    while (!(await reader.read()).done);
  } catch {
    // the connection broke: the same as its end
  }
  ended();
};
