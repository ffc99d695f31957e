// What moves on the pages, and nothing that cannot be read without it: the progress of a job, the rows of the list, the
// end of a log, and the local time of every moment. Streams are used where they come through, and polling where not.
"use strict";
(() => {
  const POLL = 5000;
  const FIRST = 20000;
  const TRY_STREAM = 60000;
  const REFRESH = 60000;
  const PAGE = 15000;
  const FAILURES = 2;
  const LOG = 2000;
  const MOST_LINES = 5000;

  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // ---- moments: UTC is shown, the time of the reader's own clock is the title
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  function localTimes(root) {
    for (const time of all("time[datetime]:not([title])", root)) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.title = `${clock.format(at)}, your time`;
    }
  }

  // ---- for those who listen: changes of a status, and nothing else
  const voice = document.createElement("p");
  voice.className = "hidden";
  voice.setAttribute("role", "status");
  voice.setAttribute("aria-live", "polite");
  const say = (words) => { voice.textContent = words; };

  function parts(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    localTimes(template.content);
    return template.content;
  }

  // What has the focus, or is being selected, is not taken away before the next time.
  function busy(element) {
    const selection = document.getSelection();
    return element.contains(document.activeElement) ||
      (selection && !selection.isCollapsed && selection.containsNode(element, true));
  }

  // ---- one source of news: a stream, or polling where streams are cut; it rests while nobody looks
  class Source {
    constructor(live, poll, take, show) {
      Object.assign(this, { live, poll, take, show, over: false, failures: 0, wait: POLL });
      document.addEventListener("visibilitychange", () => (document.hidden ? this.rest() : this.start()));
      addEventListener("pagehide", () => this.rest());
      addEventListener("pageshow", (event) => { if (event.persisted) this.start(); });
      this.start();
    }

    rest() {
      clearTimeout(this.timer);
      if (this.stream) this.stream.close();
      if (this.asking) this.asking.abort();
      this.stream = this.asking = undefined;
    }

    end(state, words) {
      this.over = true;
      this.rest();
      this.show(state, words);
    }

    start() {
      if (this.over || document.hidden || this.stream) return;
      this.rest();
      if (!("EventSource" in window)) return void this.ask();
      this.stream = new EventSource(this.live);
      // A proxy that keeps the stream to itself shows by nothing coming at all.
      this.timer = setTimeout(() => this.cut(), FIRST);
      for (const name of ["progress", "ended", "row", "top", "gone", "away", "signed-out"]) {
        this.stream.addEventListener(name, (event) => this.hear(name, event.data));
      }
      this.stream.addEventListener("error", () => {
        this.failures += 1;
        if (!this.stream || this.stream.readyState === EventSource.CLOSED || this.failures >= FAILURES) this.cut();
        else this.show("off", "Connecting again …");
      });
    }

    hear(name, data) {
      clearTimeout(this.timer);
      this.failures = 0;
      if (name === "away") return this.show("off", data);
      if (name === "signed-out") return this.end("out", data);
      this.show("on", "Live");
      this.take(name, data, this);
    }

    cut() {
      this.rest();
      this.streamAt = Date.now() + TRY_STREAM;
      this.ask();
    }

    async ask() {
      const asking = this.asking = new AbortController();
      try {
        const answer = await fetch(this.poll, { signal: asking.signal, headers: { Accept: "text/html" } });
        if (answer.status === 401 || answer.status === 403) return this.end("out", "Your token is not valid any more: sign in again.");
        if (answer.status === 404) return this.take("gone", "This job was deleted.", this);
        if (!answer.ok) throw new Error(answer.statusText);
        const text = await answer.text();
        this.wait = POLL;
        this.show("polling", "Updated every 5 s");
        this.take("polled", text, this);
      } catch {
        if (asking.signal.aborted) return;
        this.wait = Math.min(this.wait * 2, 60000);
        this.show("off", "No answer; it is tried again.");
      }
      if (this.over || this.asking !== asking) return;
      this.asking = undefined;
      this.timer = setTimeout(() => {
        if ("EventSource" in window && Date.now() >= this.streamAt) { this.failures = FAILURES - 1; this.start(); } else this.ask();
      }, this.wait);
    }
  }

  // ---- the page of a job
  function showState(state, words) {
    if (!find(".live")) {
      const sign = document.createElement("span");
      sign.className = "live";
      (find("main .head") || find("main h1")).append(sign);
    }
    for (const sign of all(".live")) {
      sign.hidden = false;
      sign.dataset.state = state;
      sign.textContent = words;
    }
  }

  // The rest of the page: asked for when the status changes, and now and then.
  let refreshing = false;
  async function refresh(later) {
    if (refreshing) return;
    refreshing = true;
    await new Promise((go) => { setTimeout(go, later * Math.random()); });
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      localTimes(page);
      renew(page);
    } catch { /* it is tried again */ } finally { refreshing = false; }
  }

  // Each part by its heading; one that there was not comes behind the one that it follows.
  const heading = (part) => part.getAttribute("aria-labelledby") || part.id;
  function renew(page) {
    const shown = new Map(all("main section").map((part) => [heading(part), part]));
    const there = new Set(all("main section", page).map(heading));
    for (const [name, part] of shown) if (name && !there.has(name) && part.id !== "progress" && !busy(part)) part.remove();
    for (const fresh of all("main section", page)) {
      const name = heading(fresh);
      const old = shown.get(name);
      if (!name || fresh.id === "progress") continue;
      if (old) {
        patch(old, fresh);
        continue;
      }
      const before = shown.get(fresh.previousElementSibling ? heading(fresh.previousElementSibling) : "");
      const part = document.importNode(fresh, true);
      if (before) before.after(part);
      shown.set(name, part);
    }
  }

  function followJob(start) {
    let status = start.dataset.status;
    let refreshAt = Date.now() + REFRESH;
    new Source(start.dataset.live, start.dataset.poll, (name, data, source) => {
      if (name === "gone") {
        say(data);
        return source.end("off", data);
      }
      const fresh = find("#progress", parts(data));
      const old = find("#progress");
      if (!fresh || !old) return;
      patch(old, fresh);
      const over = name === "ended" || fresh.dataset.final === "yes";
      if (fresh.dataset.status !== status) {
        status = fresh.dataset.status;
        say(`Job ${fresh.dataset.job}: ${status}`);
        const badge = find("h1 .badge, .head .badge");
        if (badge) {
          badge.textContent = status;
          badge.className = `badge badge-${status.toLowerCase()}`;
          const beside = badge.nextElementSibling;
          if (beside && beside.className === "remark") beside.remove();
          if (fresh.dataset.remark) {
            const remark = document.createElement("span");
            remark.className = "remark";
            remark.textContent = fresh.dataset.remark;
            badge.after(" ", remark);
          }
        }
        refresh(2000);
      } else if (over || Date.now() > refreshAt) refresh(over ? 2000 : 10000);
      if (Date.now() > refreshAt) refreshAt = Date.now() + REFRESH;
      if (over) source.end("off", "It is over");
    }, showState);
  }

  // ---- the list
  function followList(head) {
    const rows = new Map(all("[data-rows] [data-job]").map((row) => [row.dataset.job, row]));
    const ids = [...rows.keys()].slice(0, 100).join(",");
    const asked = `?${ids && `ids=${ids}&`}top=${encodeURIComponent(head.dataset.top || "*")}`;
    new Source(`/live${asked}`, `/live/rows${asked}`, (name, data) => {
      if (name === "gone") return;
      const fresh = parts(data);
      for (const part of all("[data-job]", fresh)) renewRow(rows.get(part.dataset.job), part);
      const top = find("[data-now]", fresh);
      if (top) renewTop(head, top);
    }, showState);
  }

  function renewRow(row, fresh) {
    if (!row) return;
    if (row.dataset.status && row.dataset.status !== fresh.dataset.status) say(`Job ${fresh.dataset.job}: ${fresh.dataset.status}`);
    row.dataset.status = fresh.dataset.status;
    for (const cell of all("[data-cell]", fresh)) {
      const old = find(`[data-cell="${cell.dataset.cell}"]`, row);
      if (old && old.innerHTML !== cell.innerHTML) old.replaceChildren(...cell.childNodes);
    }
  }

  // What is wrong, the numbers, and how many jobs came since the page was loaded.
  function renewTop(head, fresh) {
    for (const number of all("span[data-words]", fresh)) {
      const old = find(`span[data-words="${number.dataset.words}"]`);
      if (old && old.textContent !== number.textContent) old.textContent = number.textContent;
    }
    const wrong = find("section.wrong");
    const now = find("section.wrong", fresh);
    if ("first" in head.dataset) {
      if (wrong && now) patch(wrong, now);
      else if (now) { head.after(now); say("Something is wrong"); } else if (wrong && !busy(wrong)) wrong.remove();
    }
    const newest = BigInt(head.dataset.newest);
    const came = fresh.dataset.now.split(",").filter((id) => id && BigInt(id) > newest).length;
    const link = find("[data-new]", head);
    link.hidden = came === 0;
    link.textContent = `${came > 50 ? "more than 50" : came} new ${came === 1 ? "job" : "jobs"}`;
  }

  // ---- pages that are loaded anew now and then, while somebody looks
  function renewAll() {
    let timer;
    async function again() {
      clearTimeout(timer);
      if (document.hidden) return;
      timer = setTimeout(look, PAGE);
    }
    async function look() {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if ([401, 403].includes(answer.status)) return showState("off", "Your token is not valid any more: sign in again.");
        if (!answer.ok) throw new Error(answer.statusText);
        const fresh = find("main", new DOMParser().parseFromString(await answer.text(), "text/html"));
        if (fresh) {
          localTimes(fresh);
          patch(find("main"), fresh);
        }
        showState("polling", "Updated every 15 s");
      } catch { showState("off", "No answer; it is tried again."); }
      again();
    }
    document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else look(); });
    again();
  }

  // ---- the end of a log: lines are appended as soon as they are committed
  function followLog(list) {
    let next = new URL(list.dataset.follow, location.href);
    let timer;
    let wait = LOG;
    async function look() {
      clearTimeout(timer);
      if (document.hidden) return;
      try {
        const answer = await fetch(next, { headers: { Accept: "text/html" } });
        if ([401, 403, 404, 409, 410].includes(answer.status)) return showState("off", "The log cannot be followed: load the page again.");
        if (!answer.ok) throw new Error(answer.statusText);
        const offset = answer.headers.get("X-Next-Offset");
        const fresh = all("li", parts(await answer.text()));
        const scroller = list.scrollHeight > list.clientHeight ? list : list.parentElement;
        const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
        list.append(...fresh);
        while (list.children.length > MOST_LINES) list.firstElementChild.remove();
        if (atEnd) scroller.scrollTop = scroller.scrollHeight;
        showState("polling", "Followed");
        if (offset) next.searchParams.set("offset", offset);
        // While much is written it is asked for at once, and less and less often while nothing is.
        wait = fresh.length ? LOG / 4 : Math.min(wait * 1.5, 5 * LOG);
      } catch {
        wait = 5 * LOG;
        showState("off", "No answer; it is tried again.");
      }
      timer = setTimeout(look, wait);
    }
    document.addEventListener("visibilitychange", look);
    look();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.body.append(voice);
    localTimes(document);
    const job = find("#progress[data-live]");
    if (job && job.dataset.final !== "yes") followJob(job);
    const log = find("[data-follow]");
    if (log) followLog(log);
    const head = find("[data-top]");
    if (head) followList(head);
    if (find("[data-renew]")) renewAll();
  });
})();
