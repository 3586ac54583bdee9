// Writing: the text box, suggestions while typing, replying, editing, sending files.

import {summary} from "./bubble.js";
import {make} from "./words.js";

export class Composer {
  // `host` answers what the composer cannot know: commands(), mentions(), lastOwn(), and does send(), edit(), upload().
  constructor(host) {
    this.host = host;
    this.form = document.querySelector("#composer");
    this.text = document.querySelector("#text");
    this.file = document.querySelector("#file");
    this.list = document.querySelector("#suggestions");
    this.context = document.querySelector("#context");
    this.replyTo = null;
    this.editing = null;
    this.offers = [];
    this.chosen = 0;
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    this.text.addEventListener("input", () => { this.#grow(); this.#suggest(); });
    this.text.addEventListener("keydown", (event) => this.#key(event));
    this.text.addEventListener("blur", () => setTimeout(() => this.#offer([]), 150));
    this.text.addEventListener("paste", (event) => {
      const file = event.clipboardData?.files[0];
      if (file) { event.preventDefault(); this.#upload(file); }
    });
    document.querySelector("#attach").addEventListener("click", () => this.file.click());
    this.file.addEventListener("change", () => { if (this.file.files[0]) this.#upload(this.file.files[0]); this.file.value = ""; });
    document.querySelector("#context-close").addEventListener("click", () => this.cancel());
  }

  focus() {
    this.text.focus({preventScroll: true});
  }

  fill(text) {
    this.text.value = text;
    this.#grow();
    this.focus();
  }

  reply(message) {
    this.editing = null;
    this.replyTo = message;
    this.#show(`Reply to ${message.from.first_name}`, summary(message));
    this.focus();
  }

  edit(message) {
    this.replyTo = null;
    this.editing = message;
    this.#show("Edit message", summary(message));
    this.fill(message.text || message.caption || "");
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
  }

  cancel() {
    if (this.editing) this.fill("");
    this.replyTo = this.editing = null;
    this.context.hidden = true;
    this.focus();
  }

  #show(title, text) {
    document.querySelector("#context-title").textContent = title;
    document.querySelector("#context-text").textContent = text;
    this.context.hidden = false;
  }

  // The words leave the box at once and come back if they could not be sent.
  async send() {
    const text = this.text.value.trim();
    if (!text) return;
    const {replyTo, editing} = this;
    this.fill("");
    this.#offer([]);
    this.replyTo = this.editing = null;
    this.context.hidden = true;
    const done = editing ? await this.host.edit(editing, text) : await this.host.send(text, replyTo);
    if (done || this.text.value) return;
    this.fill(text);
    if (editing) this.edit(editing);
    else if (replyTo) this.reply(replyTo);
    if (editing) this.fill(text);
  }

  async #upload(file) {
    const caption = this.text.value.trim();
    if (await this.host.upload(file, caption) && this.text.value.trim() === caption) this.fill("");
  }

  #grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  // --- suggestions

  #suggest() {
    const before = this.text.value.slice(0, this.text.selectionStart);
    const command = before.match(/^\/(\w{0,32})$/);
    const mention = before.match(/(?:^|\s)@(\w{0,32})$/);
    if (command) this.#offer(this.host.commands().filter((each) => each.command.startsWith(command[1].toLowerCase())).map((each) => ({insert: `/${each.command}`, label: `/${each.command}`, about: each.description})));
    else if (mention) this.#offer(this.host.mentions().filter((each) => each.username.toLowerCase().startsWith(mention[1].toLowerCase())).map((each) => ({insert: `@${each.username}`, label: `@${each.username}`, about: each.first_name})));
    else this.#offer([]);
  }

  #offer(offers) {
    this.offers = offers;
    this.list.hidden = !offers.length;
    this.text.setAttribute("aria-expanded", String(Boolean(offers.length)));
    this.list.replaceChildren(...offers.map((offer, index) => {
      const item = make("li");
      item.id = `offer${index}`;
      item.setAttribute("role", "option");
      item.append(make("strong", "", offer.label), make("span", "", offer.about));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); this.#choose(index); this.#accept(); });
      return item;
    }));
    if (offers.length) this.#choose(0);
    else this.text.removeAttribute("aria-activedescendant");
  }

  #choose(index) {
    this.chosen = (index + this.offers.length) % this.offers.length;
    [...this.list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === this.chosen)));
    this.list.children[this.chosen].scrollIntoView({block: "nearest"});
    this.text.setAttribute("aria-activedescendant", `offer${this.chosen}`);
  }

  #accept() {
    const at = this.text.selectionStart;
    const before = this.text.value.slice(0, at).replace(/[/@]\w*$/, "");
    const start = `${before}${this.offers[this.chosen].insert} `;
    this.text.value = start + this.text.value.slice(at).trimStart();
    this.text.setSelectionRange(start.length, start.length);
    this.#grow();
    this.#offer([]);
  }

  #key(event) {
    if (event.isComposing) return;
    if (this.offers.length && this.#suggestionKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && !this.context.hidden) {
      event.preventDefault();
      this.cancel();
    } else if (event.key === "ArrowUp" && !this.text.value && !event.shiftKey) {
      const last = this.host.lastOwn();
      if (last) { event.preventDefault(); this.edit(last); }
    }
  }

  #suggestionKey(event) {
    const exact = this.offers[this.chosen].insert === this.text.value;
    if (event.key === "ArrowDown") this.#choose(this.chosen + 1);
    else if (event.key === "ArrowUp") this.#choose(this.chosen - 1);
    else if (event.key === "Escape") this.#offer([]);
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !exact)) this.#accept();
    else return false; // a command typed to its end is sent by Enter
    event.preventDefault();
    return true;
  }
}
