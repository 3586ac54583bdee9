// The list of messages: order, runs, days, scrolling, unread count. Knows nothing of the composer.

import {bubble, isService} from "./bubble.js";

const NEAR = 60; // pixels from the end that count as being at the end
const RUN = 300; // seconds after which a speaker's next message starts a new run

function day(seconds) {
  const date = new Date(seconds * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const options = {day: "numeric", month: "long"};
  if (date.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return date.toLocaleDateString([], options);
}

export class Log {
  constructor(group, actions, onUnread) {
    this.group = group;
    this.actions = {...actions, jump: (id) => this.jump(id)};
    this.onUnread = onUnread;
    this.scroller = document.querySelector("#scroller");
    this.list = document.querySelector("#log");
    this.down = document.querySelector("#down");
    this.badge = document.querySelector("#unread");
    this.empty = document.querySelector("#empty");
    this.older = document.querySelector("#older");
    this.unread = 0;
    this.chat = 0;
    this.topic = 0;
    this.writer = 0;
    this.stuck = true;
    this.down.addEventListener("click", () => this.toEnd(true));
    this.scroller.addEventListener("scroll", () => this.#scrolled(), {passive: true});
    // A phone's keyboard, a growing composer, a picture: whatever changes the height, the end stays in sight.
    const watch = new ResizeObserver(() => { if (this.stuck) this.toEnd(); });
    watch.observe(this.scroller);
    watch.observe(this.list);
    this.list.addEventListener("keydown", (event) => this.#walk(event));
    this.list.addEventListener("focusin", (event) => this.#focused(event.target.closest(".row")));
  }

  #shown(message) {
    return !this.topic || (message.message_thread_id || 0) === (this.topic === -1 ? 0 : this.topic);
  }

  // Everything anew: another chat, topic or writer.
  render({end = true} = {}) {
    const messages = this.group.list(this.chat).filter((message) => this.#shown(message));
    this.list.setAttribute("aria-live", "off"); // a whole chat is not news
    this.list.replaceChildren(...messages.map((message) => this.#row(message)));
    this.layout();
    if (end) this.toEnd();
    setTimeout(() => this.list.setAttribute("aria-live", "polite"), 200);
  }

  #row(message) {
    return bubble(message, this.group, this.writer, this.actions);
  }

  // A new or changed message.
  put(message) {
    if (message.chat.id !== this.chat || !this.#shown(message)) return;
    const known = document.getElementById(`m${message.message_id}`);
    const row = this.#row(message);
    if (known) {
      const focused = known.contains(document.activeElement);
      known.replaceWith(row);
      if (focused) row.focus({preventScroll: true});
    } else {
      this.#insert(row, message.message_id);
      if (message.from.id !== this.writer && (!this.stuck || document.hidden)) this.#count(this.unread + 1);
    }
    this.layout();
    if (this.stuck || (!known && message.from.id === this.writer)) this.toEnd();
  }

  #insert(row, id) {
    let after = this.list.lastElementChild;
    while (after && Number(after.dataset.id) > id) after = after.previousElementSibling;
    if (after) after.after(row);
    else this.list.prepend(row);
  }

  remove(chat, id) {
    if (chat !== this.chat) return;
    document.getElementById(`m${id}`)?.remove();
    this.layout();
  }

  // Where runs begin and end, and where a day begins.
  layout() {
    const messages = this.group.of(this.chat);
    let before = null;
    let rowBefore = null;
    for (const row of this.list.children) {
      const message = messages.get(Number(row.dataset.id));
      if (!message) continue;
      const newDay = !before || day(before.date) !== day(message.date);
      const joins = before && !newDay && !isService(message) && !isService(before) && before.from.id === message.from.id && message.date - before.date < RUN;
      row.querySelector(".day").textContent = newDay ? day(message.date) : "";
      row.classList.toggle("first", !joins);
      if (rowBefore) rowBefore.classList.toggle("last", !joins);
      row.classList.add("last");
      before = message;
      rowBefore = row;
    }
    const rows = this.list.children;
    if (!this.list.querySelector(".row[tabindex='0']") && rows.length) rows[rows.length - 1].tabIndex = 0;
    this.empty.hidden = !this.group.chat(this.chat) || [...messages.values()].some((message) => !isService(message));
  }

  toEnd(smooth = false) {
    this.stuck = true;
    this.scroller.scrollTo({top: this.scroller.scrollHeight, behavior: smooth && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "instant"});
    if (!document.hidden) this.#count(0);
    this.down.hidden = true;
  }

  seen() {
    if (this.stuck) this.#count(0);
  }

  #count(number) {
    this.unread = number;
    this.badge.hidden = !number;
    this.badge.textContent = number > 99 ? "99+" : String(number);
    this.down.setAttribute("aria-label", number ? `Scroll to the newest message, ${number} unread` : "Scroll to the newest message");
    this.onUnread(number);
  }

  #scrolled() {
    const {scrollTop, scrollHeight, clientHeight} = this.scroller;
    this.stuck = scrollHeight - scrollTop - clientHeight < NEAR;
    this.down.hidden = this.stuck;
    if (this.stuck && !document.hidden) this.#count(0);
    if (scrollTop < 200) this.#more();
  }

  async #more() {
    if (this.loading || this.group.complete.has(this.chat) || this.scroller.scrollHeight <= this.scroller.clientHeight) return;
    this.loading = true;
    this.older.hidden = false;
    try {
      const chat = this.chat;
      const messages = (await this.group.older(chat)).filter((message) => this.#shown(message));
      if (chat !== this.chat) return;
      const height = this.scroller.scrollHeight;
      const top = this.scroller.scrollTop;
      this.list.prepend(...messages.map((message) => this.#row(message)));
      this.older.hidden = true;
      this.layout();
      this.scroller.scrollTop = top + this.scroller.scrollHeight - height;
    } catch { /* the stream's state already says that the server is away */ } finally {
      this.older.hidden = true;
      this.loading = false;
    }
  }

  async jump(id) {
    while (!document.getElementById(`m${id}`) && this.group.of(this.chat).size && (await this.group.older(this.chat)).length) this.render({end: false});
    const row = document.getElementById(`m${id}`);
    if (!row) return;
    this.stuck = false;
    row.scrollIntoView({block: "center", behavior: "instant"});
    row.focus({preventScroll: true});
    row.classList.add("flash");
    setTimeout(() => row.classList.remove("flash"), 1400);
  }

  // One row takes part in the tab order; arrows move between rows.
  #focused(row) {
    if (!row || row.tabIndex === 0) return;
    for (const other of this.list.querySelectorAll(".row[tabindex='0']")) other.tabIndex = -1;
    row.tabIndex = 0;
  }

  #walk(event) {
    const row = event.target.closest(".row");
    if (!row || event.target !== row) {
      if (event.key === "Escape" && row) row.focus();
      return;
    }
    const next = {ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling}[event.key];
    if (next) {
      event.preventDefault();
      next.focus();
    } else if (event.key === "Enter" && !row.classList.contains("service")) {
      event.preventDefault();
      this.actions.reply(this.group.of(this.chat).get(Number(row.dataset.id)));
    }
  }
}
