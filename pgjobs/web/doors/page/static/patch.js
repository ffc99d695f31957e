// Brings a part of the page up to date in place. Whatever was there before stays the same element: so it keeps the
// focus, how far it is scrolled, and whether it is open.
"use strict";
const patch = (() => {
  // What says that two elements are the same one, before and after.
  const key = (node) => (node.nodeType === Node.ELEMENT_NODE
    ? node.id || node.dataset.key || node.getAttribute("aria-labelledby") || node.getAttribute("href") || "" : "");
  const fits = (old, fresh) => old.nodeName === fresh.nodeName && key(old) === key(fresh);
  // The sign of the script itself, of which the server knows nothing.
  const isOwn = (node) => node.nodeType === Node.ELEMENT_NODE && node.classList.contains("live");

  // Nothing is taken from under somebody who selects text: the panel stays until the next time.
  function isSelected(part) {
    const selection = document.getSelection();
    return part.nodeName === "SECTION" && selection && !selection.isCollapsed && selection.containsNode(part, true);
  }

  function become(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    } else if (!isOwn(old) && !isSelected(old) && !old.isEqualNode(fresh)) {
      takeAttributes(old, fresh);
      takeChildren(old, fresh);
    }
  }

  function takeAttributes(old, fresh) {
    const keeps = (name) => (name === "open" && old.nodeName === "DETAILS") || (name === "tabindex" && old === document.activeElement);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !keeps(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !keeps(name)) old.setAttribute(name, value);
  }

  function takeChildren(old, fresh) {
    const left = [...old.childNodes];
    const pairs = [...fresh.childNodes].map((wanted) => {
      const at = left.findIndex((node) => fits(node, wanted));
      return [wanted, at < 0 ? undefined : left.splice(at, 1)[0]];
    });
    // First of all what is gone: so nothing that stays has to be moved, by which it would lose the focus.
    for (const node of left) if (!isOwn(node)) node.remove();
    let place = old.firstChild;
    for (const [wanted, same] of pairs) {
      if (same) become(same, wanted);
      const node = same || document.importNode(wanted, true);
      if (node === place) place = place.nextSibling;
      else old.insertBefore(node, place);
    }
  }

  // Where the keyboard is when what it was on is gone: on the panel around it.
  function keepFocus(focused, around) {
    if (document.activeElement === focused) return;
    const next = focused.isConnected ? focused : around.find((each) => each.isConnected && each.matches("section, main"));
    if (!next) return;
    if (next !== focused && !next.hasAttribute("tabindex")) next.tabIndex = -1;
    next.focus({ preventScroll: true });
  }

  return (old, fresh) => {
    const focused = document.activeElement;
    const around = [];
    for (let each = focused; each && old.contains(each); each = each.parentElement) around.push(each);
    become(old, fresh);
    if (around.length) keepFocus(focused, around.slice(1).concat(document.querySelector("main")));
  };
})();
