// Copying, the device's share sheet, and a message that is put into every link. The page works without all of it.

const message = document.querySelector("#rf-message");
const status = document.querySelector("[data-rf-status]");

function say(text) {
  if (status) status.textContent = text;
}

async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // where a page is not secure, there is no clipboard
  }
}

for (const button of document.querySelectorAll("[data-rf-copy]")) {
  const field = document.getElementById(button.dataset.rfCopy);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await copy(field);
    button.textContent = "Copied";
    say("Copied");
    setTimeout(() => {
      button.textContent = label;
      say("");
    }, 2500);
  });
}

// The message as it was written; the link is put at its end where somebody took it out.
function written() {
  const text = message.value.trim();
  const link = message.dataset.rfLink;
  return text.includes(link) ? text : `${text} ${link}`.trim();
}

if (message) {
  const ways = document.querySelectorAll("[data-rf-begin]");
  const rewrite = () => {
    for (const way of ways) {
      const begin = way.dataset.rfBegin;
      const text = begin.startsWith("mailto:") ? written().replace(/\r?\n/g, "\r\n") : written();
      way.href = begin + encodeURIComponent(text);
    }
  };
  message.addEventListener("input", rewrite);
  rewrite(); // a browser may have kept what was written before

  const sheet = document.querySelector("[data-rf-sheet]");
  if (sheet && navigator.share) {
    sheet.parentElement.hidden = false;
    sheet.addEventListener("click", async () => {
      try {
        await navigator.share({ title: message.dataset.rfSubject, text: written() });
      } catch {
        // closed without sharing
      }
    });
  }
}
