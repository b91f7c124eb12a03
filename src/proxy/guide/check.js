// Asks for an image at each name that only corstap answers for: over TLS with a leaf of its CA, and
// at a loopback name, which browsers keep from proxies.
const PATIENCE = 8000;

function reached(url) {
  return new Promise((resolve) => {
    const image = new Image();
    const give = (answer) => () => resolve(answer);
    image.onload = give(true);
    image.onerror = give(false);
    setTimeout(give(false), PATIENCE);
    image.referrerPolicy = "origin";
    image.src = `${url}?${Math.random()}`;
  });
}

async function look(item) {
  const good = await reached(item.dataset.ask);
  item.className = good ? "good" : "bad";
  return good;
}

const [trust, loopback] = await Promise.all(["trust", "loopback"].map((id) => look(document.getElementById(id))));
const result = document.getElementById("result");
result.className = trust && loopback ? "good" : "bad";
result.textContent = trust && loopback
  ? "This browser is set up."
  : trust
    ? "This browser is set up, but for localhost."
    : "This browser is not set up yet.";
