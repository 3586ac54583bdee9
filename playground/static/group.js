// What the page knows: people, chats and messages, as the server told. Knows nothing of the page's elements.

import {get} from "./api.js";

const MEMBER_COLOURS = ["c1", "c2", "c3", "c6", "c4", "c0", "c7"];

export class Group {
  constructor() {
    this.instance = "";
    this.revision = 0;
    this.bot = null;
    this.members = [];
    this.chats = [];
    this.messages = new Map(); // chat id -> Map of message id -> message
    this.complete = new Set(); // chats whose oldest message is here
  }

  // Who serves this page now; what an earlier server said is dropped before anything of this one comes.
  meet(instance) {
    if (instance === this.instance) return;
    this.instance = instance;
    this.revision = 0;
    this.messages.clear();
    this.complete.clear();
  }

  // Catch up with the server: everything the first time, then what changed since.
  async load() {
    const state = await get("/api/state", {since: this.revision, instance: this.instance});
    if (state.instance !== this.instance) throw new Error("another server answered"); // its hello is on its way
    this.bot = state.bot;
    this.members = state.members;
    this.chats = state.chats;
    for (const {chat, id} of state.deleted) this.of(chat).delete(id);
    for (const message of state.messages) this.put(message);
    this.revision = Math.max(this.revision, state.revision);
  }

  // News of a moment; before the first load they say nothing of what came before them.
  #heard(revision) {
    if (this.revision) this.revision = Math.max(this.revision, revision);
  }

  of(chat) {
    if (!this.messages.has(chat)) this.messages.set(chat, new Map());
    return this.messages.get(chat);
  }

  // In order of id, which is the order in which they were said.
  list(chat) {
    return [...this.of(chat).values()].sort((a, b) => a.message_id - b.message_id);
  }

  // Add a message or its newer form; false if this or a newer one is known.
  put(message) {
    const messages = this.of(message.chat.id);
    const known = messages.get(message.message_id);
    this.#heard(message.revision);
    if (known && known.revision >= message.revision) return false;
    messages.set(message.message_id, message);
    return true;
  }

  remove(chat, id, revision) {
    this.#heard(revision);
    return this.of(chat).delete(id);
  }

  async older(chat) {
    const first = this.list(chat)[0];
    if (!first || this.complete.has(chat)) return [];
    const {messages} = await get("/api/history", {chat, before: first.message_id});
    if (!messages.length) this.complete.add(chat);
    for (const message of messages) this.of(chat).set(message.message_id, message);
    return messages;
  }

  chat(id) {
    return this.chats.find((chat) => chat.id === id);
  }

  // The same colour for the same account, and another for each of the first seven members.
  colour(id) {
    if (id === this.bot?.id) return "c5";
    const index = this.members.findIndex((member) => member.id === id);
    return MEMBER_COLOURS[(index < 0 ? Math.abs(id) : index) % MEMBER_COLOURS.length];
  }

  name(id) {
    if (this.bot && id === this.bot.id) return this.bot.first_name;
    return this.members.find((member) => member.id === id)?.first_name || "somebody";
  }
}

export function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => [...word][0] || "").join("").toUpperCase();
}
