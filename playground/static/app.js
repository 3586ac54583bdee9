// The page: puts the group, the log and the composer together and keeps them live.

import {Refused, get, listen, post, upload} from "./api.js";
import {Group, initials} from "./group.js";
import {Composer} from "./composer.js";
import {Log} from "./log.js";
import {make} from "./words.js";

const PATIENCE = 15; // seconds that a pressed button waits for the bot
const TYPING = 5500; // milliseconds that a chat action is shown

const find = (id) => document.getElementById(id);
const group = new Group();
const page = {chat: 0, writer: 0, topic: 0, commands: [], connected: false, typing: new Map(), unread: 0};

// --- notices

let toastTimer = 0;
function toast(text) {
  find("toast").textContent = text;
  find("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { find("toast").hidden = true; }, 4000);
}

function alertBox(text) {
  find("alert-text").textContent = text;
  find("alert").showModal();
}

// Do something on the server; a failure is said and gives undefined.
async function attempt(deed) {
  try {
    return await deed();
  } catch (error) {
    toast(error instanceof Refused ? error.message : "The server does not answer. Nothing was sent.");
    return undefined;
  }
}

// --- what members do

const where = () => ({as: page.writer, chat: page.chat});

async function press(message, data, button) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  const done = await attempt(() => post("/api/press", {...where(), message_id: message.message_id, data, wait: PATIENCE}));
  button.disabled = false;
  button.removeAttribute("aria-busy");
  if (done?.answer?.text) (done.answer.show_alert ? alertBox : toast)(done.answer.text);
}

function react(message, emoji) {
  return attempt(() => post("/api/react", {...where(), message_id: message.message_id, emoji}));
}

const composer = new Composer({
  commands: () => page.commands,
  mentions: () => [group.bot, ...group.members].filter((user) => user?.username),
  lastOwn: () => group.list(page.chat).filter((message) => message.from.id === page.writer && (message.text || message.caption)).pop(),
  send: (text, replyTo) => attempt(() => post("/api/messages", {...where(), text, topic: Math.max(page.topic, 0), reply_to: replyTo?.message_id})),
  edit: (message, text) => attempt(() => post(`/api/messages/${message.message_id}/edit`, {...where(), text})),
  upload: (file, caption) => attempt(() => upload({...where(), caption, photo: file.type.startsWith("image/") ? "yes" : ""}, file)),
});

const log = new Log(group, {
  press,
  react,
  reply: (message) => composer.reply(message),
  fill: (text) => composer.fill(`${text} `),
  enlarge: (source) => { find("viewer-image").src = source; find("viewer").showModal(); },
}, (unread) => { page.unread = unread; showTitle(); });

// --- what the page shows around them

function showTitle() {
  const chat = group.chat(page.chat);
  const name = chat?.title || (chat ? group.bot.first_name : group.bot?.first_name) || "Playground";
  const text = page.chat > 0 && group.bot ? group.bot.first_name : name;
  if (find("title").textContent !== text) find("title").textContent = text;
  find("group-avatar").textContent = initials(text);
  find("group-avatar").className = `avatar ${page.chat < 0 ? "c5" : group.bot ? group.colour(group.bot.id) : ""}`;
  document.title = page.unread ? `(${page.unread}) ${text}` : text;
}

function showStatus() {
  const status = find("status");
  const chat = group.chat(page.chat);
  const typing = page.typing.has(page.chat);
  let text = "connecting…";
  if (page.connected) text = typing ? `${group.bot.first_name} is typing…` : page.chat > 0 ? "bot" : `${chat?.members ?? 0} members`;
  status.classList.toggle("lively", !page.connected || typing);
  if (status.textContent !== text) status.textContent = text;
  document.body.classList.toggle("offline", !page.connected);
}

function showTyping(chat, on) {
  clearTimeout(page.typing.get(chat));
  page.typing.delete(chat);
  if (on) page.typing.set(chat, setTimeout(() => { page.typing.delete(chat); showStatus(); }, TYPING));
  showStatus();
}

function options(select, choices, value) {
  select.replaceChildren(...choices.map(([key, label]) => {
    const option = make("option", "", label);
    option.value = key;
    return option;
  }));
  select.value = value;
}

function showChoices() {
  const groups = group.chats.filter((chat) => chat.type !== "private" && !chat.migrated_to);
  options(find("chat"), [...groups.map((chat) => [chat.id, groups.length > 1 ? chat.title : "Group"]), ["private", "Private chat"]], page.chat > 0 ? "private" : page.chat);
  options(find("writer"), group.members.map((member) => [member.id, member.first_name]), page.writer);
  const avatar = find("writer-avatar");
  avatar.textContent = initials(group.name(page.writer));
  avatar.className = `avatar ${group.colour(page.writer)}`;
  const chat = group.chat(page.chat);
  find("topic-pick").hidden = !chat?.forum && !chat?.is_forum;
  options(find("topic"), [[0, "All topics"], [-1, "General"], ...(chat?.topics || []).map((topic) => [topic.id, topic.name])], page.topic);
  for (const element of document.querySelectorAll(".bot-name")) element.textContent = group.bot.first_name;
  find("sample-as").textContent = `/as ${group.name(group.members.find((member) => member.id !== page.writer)?.id ?? page.writer)}`;
  find("sample-mention").textContent = `@${group.bot.username}`;
  find("text").placeholder = `Message as ${group.name(page.writer)}`;
}

async function loadCommands() {
  const found = await get("/api/commands", where()).catch(() => null);
  if (found) page.commands = found.commands;
}

// --- choosing chat, topic and writer

function remember() {
  sessionStorage.setItem("playground", JSON.stringify({chat: page.chat, writer: page.writer}));
}

function go({chat = page.chat, writer = page.writer, topic = 0}) {
  if (chat > 0) chat = writer; // one's own private chat
  const moved = chat !== page.chat || topic !== page.topic;
  Object.assign(page, {chat, writer, topic});
  Object.assign(log, {chat, writer, topic});
  remember();
  showChoices();
  showTitle();
  showStatus();
  log.render({end: moved || log.stuck});
  loadCommands();
}

function write(index) {
  const member = group.members[index];
  if (member) go({writer: member.id, topic: page.topic});
  composer.focus();
}

// --- live

function restored() {
  let saved = {};
  try { saved = JSON.parse(sessionStorage.getItem("playground")) || {}; } catch { /* an older page's */ }
  const writer = group.members.some((member) => member.id === saved.writer) ? saved.writer : group.members[0].id;
  const groups = group.chats.filter((chat) => chat.type !== "private" && !chat.migrated_to);
  const chat = groups.some((each) => each.id === saved.chat) || saved.chat > 0 ? saved.chat : groups[0].id;
  return {chat, writer};
}

async function catchUp() {
  const known = page.writer;
  await group.load();
  page.connected = true;
  go(known && group.members.some((member) => member.id === known) ? {topic: page.topic} : restored());
}

let loading = Promise.resolve();
function reload() {
  loading = loading.then(catchUp).catch(() => { page.connected = false; showStatus(); setTimeout(reload, 1000); });
  return loading;
}

// Members, chats, commands or titles changed; a group that moved takes its readers along.
async function refreshPeople() {
  const state = await get("/api/state", {since: group.revision, instance: group.instance}).catch(() => null);
  if (!state || state.instance !== group.instance) return;
  Object.assign(group, {bot: state.bot, members: state.members, chats: state.chats});
  const moved = group.chat(page.chat)?.migrated_to;
  if (moved) return go({chat: moved});
  showChoices();
  showTitle();
  showStatus();
  loadCommands();
}

let peopleTimer = 0;
const events = {
  hello: ({instance}) => { group.meet(instance); reload(); },
  message: ({message}) => {
    if (message.from.is_bot) showTyping(message.chat.id, false);
    if (group.put(message)) log.put(message);
  },
  deleted: ({chat, id, revision}) => { if (group.remove(chat, id, revision)) log.remove(chat, id); },
  action: ({chat}) => showTyping(chat, true),
  people: () => { clearTimeout(peopleTimer); peopleTimer = setTimeout(refreshPeople, 50); },
};

listen((event) => events[event.kind]?.(event), (state) => {
  page.connected = state;
  showStatus();
});

// --- the rest of the page

find("chat").addEventListener("change", (event) => { const {value} = event.target; go({chat: value === "private" ? page.writer : Number(value)}); composer.focus(); });
find("topic").addEventListener("change", (event) => { go({topic: Number(event.target.value)}); composer.focus(); });
find("writer").addEventListener("change", (event) => { go({writer: Number(event.target.value), topic: page.topic}); composer.focus(); });
find("sample-as").addEventListener("click", (event) => composer.fill(event.target.textContent));
find("sample-mention").addEventListener("click", (event) => composer.fill(`${event.target.textContent} `));
find("viewer").addEventListener("click", (event) => { if (event.target === find("viewer")) find("viewer").close(); });
document.addEventListener("keydown", (event) => {
  if (event.altKey && !event.ctrlKey && !event.metaKey && /^Digit[1-9]$/.test(event.code)) {
    event.preventDefault();
    write(Number(event.code.slice(5)) - 1);
  }
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) log.seen(); });
if (matchMedia("(hover: hover)").matches) composer.focus();
