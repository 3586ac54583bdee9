// Text and its entities as elements. Every word goes through text nodes: nothing is ever markup.

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

const TAGS = {bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", expandable_blockquote: "blockquote"};

// The address if it is one of the web, nothing for javascript: and the like.
export function safeLink(url) {
  if (!url) return "";
  const whole = /^[a-z][a-z0-9+.-]*:/i.test(url) ? url : `https://${url}`;
  return /^https?:/i.test(whole) ? whole : "";
}

function wrapper(entity, text, actions) {
  if (TAGS[entity.type]) return make(TAGS[entity.type]);
  if (entity.type === "spoiler") {
    const spoiler = make("span", "spoiler");
    spoiler.tabIndex = 0;
    spoiler.setAttribute("role", "button");
    spoiler.setAttribute("aria-label", "Hidden text, press to show");
    const show = () => { spoiler.classList.add("shown"); spoiler.removeAttribute("aria-label"); };
    spoiler.addEventListener("click", show);
    spoiler.addEventListener("keydown", (event) => { if (event.key === "Enter") show(); });
    return spoiler;
  }
  if (entity.type === "bot_command") {
    const command = make("button", "command");
    command.type = "button";
    command.addEventListener("click", () => actions.fill(text));
    return command;
  }
  const url = entity.type === "text_link" ? entity.url : entity.type === "url" ? text : "";
  if (safeLink(url)) {
    const link = make("a");
    link.href = safeLink(url);
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    return link;
  }
  return make("span", entity.type === "mention" || entity.type === "hashtag" ? "mention" : "");
}

// Entities count UTF-16 units, as strings do here. They are sorted, outer before inner.
function fill(element, text, entities, from, to, actions) {
  let at = from;
  for (let index = 0; index < entities.length; index++) {
    const entity = entities[index];
    const start = Math.max(entity.offset, at);
    const end = Math.min(entity.offset + entity.length, to);
    if (start >= end) continue;
    element.append(text.slice(at, start));
    const inner = wrapper(entity, text.slice(start, end), actions);
    fill(inner, text, entities.slice(index + 1), start, end, actions);
    element.append(inner);
    at = end;
  }
  element.append(text.slice(at, to));
}

export function words(text, entities, actions) {
  const element = make("div", "text");
  element.dir = "auto";
  fill(element, text, entities || [], 0, text.length, actions);
  return element;
}
