// One message as an element. Every word of a person goes through textContent: nothing is ever markup.

import {initials} from "./group.js";
import {make, safeLink, words} from "./words.js";

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", hourCycle: "h23"});
}

export function summary(message) {
  if (message.text || message.caption) return message.text || message.caption;
  if (message.photo) return "Photo";
  return other(message) || message.document?.file_name || "Message";
}

// What stands for media that the page does not draw.
const KINDS = {
  video: "Video", animation: "GIF", voice: "Voice message", audio: "Audio", video_note: "Video message",
  contact: "Contact", venue: "Place", location: "Location", dice: "Dice",
};

function other(message) {
  if (message.sticker) return message.sticker.emoji || "Sticker";
  if (message.poll) return `Poll: ${message.poll.question}`;
  const kind = Object.keys(KINDS).find((name) => message[name]);
  return kind ? KINDS[kind] : "";
}

const NOTICES = {
  new_chat_title: "changed the group's name", pinned_message: "pinned a message",
  left_chat_member: "removed somebody", boost_added: "boosted the group",
};

function notice(message) {
  return Object.keys(NOTICES).find((name) => name in message);
}

export function isService(message) {
  return Boolean(message.new_chat_members || message.forum_topic_created || message.migrate_to_chat_id || message.migrate_from_chat_id || notice(message));
}

export function serviceText(message) {
  const who = message.from.first_name;
  if (message.new_chat_members) return `${who} added ${message.new_chat_members.map((user) => user.first_name).join(", ")}`;
  if (message.forum_topic_created) return `${who} opened the topic “${message.forum_topic_created.name}”`;
  if (notice(message)) return `${who} ${NOTICES[notice(message)]}`;
  return "The group moved to a new id";
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

function quote(message, group, actions) {
  const replied = message.reply_to_message;
  const element = make("button", `quote ${group.colour(replied.from.id)}`);
  element.type = "button";
  element.append(make("strong", "", replied.from.first_name));
  const text = make("span", "", summary(replied));
  text.dir = "auto";
  element.append(text);
  element.setAttribute("aria-label", `In reply to ${replied.from.first_name}: ${summary(replied).slice(0, 80)}`);
  element.addEventListener("click", () => actions.jump(replied.message_id));
  return element;
}

function photo(message, actions) {
  const best = message.photo[message.photo.length - 1];
  const button = make("button", "photo");
  button.type = "button";
  button.setAttribute("aria-label", `Photo by ${message.from.first_name}, press to enlarge`);
  const image = make("img");
  image.alt = "";
  image.width = best.width;
  image.height = best.height;
  image.src = `/files/${encodeURIComponent(best.file_id)}`;
  button.append(image);
  button.addEventListener("click", () => actions.enlarge(image.src));
  return button;
}

function file(message) {
  const link = make("a", "document");
  link.href = `/files/${encodeURIComponent(message.document.file_id)}`;
  link.download = message.document.file_name;
  const mark = make("span", "file-icon");
  mark.append(icon("M7 3h7l5 5v13H7zM14 3v5h5"));
  const text = make("span", "file-text");
  const name = make("strong", "", message.document.file_name);
  name.dir = "auto";
  text.append(name, make("span", "", size(message.document.file_size)));
  link.append(mark, text);
  return link;
}

function reactions(message, group, writer, actions) {
  const row = make("div", "reactions");
  for (const {emoji, users} of message.reactions) {
    const chip = make("button", users.includes(writer) ? "reaction mine" : "reaction");
    chip.type = "button";
    const names = users.map((user) => group.name(user)).join(", ");
    chip.setAttribute("aria-label", `${emoji} by ${names}`);
    chip.title = names;
    chip.append(make("span", "emoji", emoji), make("span", "", String(users.length)));
    chip.addEventListener("click", () => actions.react(message, emoji));
    row.append(chip);
  }
  return row;
}

function keyboard(message, actions) {
  const board = make("div", "keyboard");
  for (const row of message.reply_markup.inline_keyboard) {
    const line = make("div", "keys");
    for (const key of row) {
      const button = key.url ? make("a", "key", key.text) : make("button", "key", key.text);
      button.dir = "auto";
      if (key.url) {
        if (safeLink(key.url)) button.href = safeLink(key.url);
        button.target = "_blank";
        button.rel = "noopener noreferrer";
      } else {
        button.type = "button";
        button.addEventListener("click", () => actions.press(message, key.callback_data, button));
      }
      line.append(button);
    }
    board.append(line);
  }
  return board;
}

const EMOJI = ["👍", "❤", "🤣", "🔥", "🎉", "😢", "👎"];

function tools(message, actions) {
  const bar = make("div", "tools");
  const reply = make("button", "plain");
  reply.type = "button";
  reply.setAttribute("aria-label", `Reply to ${message.from.first_name}`);
  reply.append(icon("M10 8V4L3 11l7 7v-4.5c5 0 8.5 1.600 11 5.5-1-6-4-10.5-11-11z"));
  reply.addEventListener("click", () => actions.reply(message));
  const react = make("button", "plain");
  react.type = "button";
  react.setAttribute("aria-label", "React");
  react.setAttribute("aria-expanded", "false");
  react.append(icon("M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM8.5 14.5c1.800 2.300 5.200 2.300 7 0M9 9.5v.5M15 9.5v.5"));
  const picker = make("div", "picker");
  picker.hidden = true;
  for (const emoji of EMOJI) {
    const choice = make("button", "plain", emoji);
    choice.type = "button";
    choice.setAttribute("aria-label", `React with ${emoji}`);
    choice.addEventListener("click", () => { picker.hidden = true; actions.react(message, emoji); });
    picker.append(choice);
  }
  react.addEventListener("click", () => {
    picker.hidden = !picker.hidden;
    react.setAttribute("aria-expanded", String(!picker.hidden));
    if (!picker.hidden) picker.firstChild.focus();
  });
  bar.append(reply, react, picker);
  return bar;
}

// The first letter that has a direction goes from right to left: the time then stands on the left.
const RIGHT_TO_LEFT = /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;

// The row of one message. `layout` of the log says where it stands in its run and whether a day begins.
export function bubble(message, group, writer, actions) {
  const row = make("article", "row");
  row.id = `m${message.message_id}`;
  row.dataset.id = message.message_id;
  row.tabIndex = -1;
  row.append(make("div", "day"));
  if (isService(message)) {
    row.classList.add("service");
    row.append(make("span", "", serviceText(message)));
    return row;
  }
  const isBot = message.from.is_bot;
  if (message.from.id === writer) row.classList.add("own");
  if (isBot) row.classList.add("bot");
  const avatar = make("span", `avatar ${group.colour(message.from.id)}`, initials(message.from.first_name));
  avatar.setAttribute("aria-hidden", "true");
  const stack = make("div", "stack");
  const body = make("div", "bubble");
  const name = make("div", `name ${group.colour(message.from.id)}`);
  const label = make("span", "", message.from.first_name);
  label.dir = "auto";
  name.append(label);
  if (isBot) name.append(make("span", "badge", "bot"));
  const topic = message.is_topic_message && group.chat(message.chat.id)?.topics.find((each) => each.id === message.message_thread_id);
  if (topic) name.append(make("span", "topic", `# ${topic.name}`));
  body.append(name);
  if (message.reply_to_message) body.append(quote(message, group, actions));
  if (message.photo) body.append(photo(message, actions));
  if (message.forward_origin) body.append(make("span", "forwarded", `Forwarded from ${message.forward_origin.sender_user_name || "somebody"}`));
  if (message.document && !message.animation) body.append(file(message));
  if (other(message)) body.append(make("div", "text", other(message)));
  if (message.text) body.append(words(message.text, message.entities, actions));
  if (message.caption) body.append(words(message.caption, message.caption_entities, actions));
  const meta = make("span", RIGHT_TO_LEFT.test(message.text || message.caption || "") ? "meta rtl" : "meta");
  if (message.edit_date) meta.append(make("span", "edited", "edited"));
  const time = make("time", "", clock(message.date));
  time.dateTime = new Date(message.date * 1000).toISOString();
  meta.append(time);
  const last = body.lastElementChild;
  if (last.classList.contains("text")) last.dataset.meta = meta.textContent + (message.edit_date ? "  " : "");
  body.append(meta);
  if (message.reactions.length) body.append(reactions(message, group, writer, actions));
  stack.append(body);
  if (message.reply_markup) stack.append(keyboard(message, actions));
  row.append(avatar, stack, tools(message, actions));
  return row;
}
