// Sets the theme before anything is painted, so that no page flashes. Not a module:
// modules wait for the page.
(() => {
  let choice = null;
  try {
    choice = localStorage.getItem("tsfm.theme");
  } catch {
    // Storage may be forbidden; the system's theme stands then.
  }
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
})();
