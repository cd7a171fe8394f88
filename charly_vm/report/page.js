// A link into something that is folded away unfolds it. Everything else works without this.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  target.querySelector(":scope > details")?.setAttribute("open", "");
  for (let above = target.closest("details"); above; above = above.parentElement.closest("details")) {
    above.open = true;
  }
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
