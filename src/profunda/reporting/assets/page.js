"use strict";
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const coarse = window.matchMedia("(pointer: coarse)").matches;
  const plots = () => [...document.querySelectorAll(".plot")];

  // Figures carry no colours of the page: they are laid over the theme here, and again when it changes.
  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    return { ink: colour("--ink"), soft: colour("--soft"), line: colour("--line"), card: colour("--card") };
  };
  const themed = (layout) => {
    const t = theme();
    const result = {
      ...layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...(layout.font || {}), color: t.ink, family: "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif" },
      hoverlabel: { bgcolor: t.card, bordercolor: t.soft, font: { color: t.ink } },
    };
    for (const name of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(name)) {
        result[name] = { ...layout[name], gridcolor: t.line, linecolor: t.line, zerolinecolor: t.line, tickcolor: t.line };
      }
    }
    if (layout.annotations) {
      result.annotations = layout.annotations.map((mark) => mark.text ? { ...mark, bgcolor: t.card, borderpad: 1 } : mark);
    }
    if (layout.sliders) {
      result.sliders = layout.sliders.map((slider) => ({ ...slider, bgcolor: t.line, bordercolor: t.line, activebgcolor: t.soft, tickcolor: t.soft, font: { color: t.ink } }));
    }
    return result;
  };
  const painted = (data) => data.map((trace) => trace.texttemplate ? { ...trace, textfont: { ...(trace.textfont || {}), color: theme().ink } } : trace);
  const specOf = (plot) => JSON.parse(document.getElementById(plot.dataset.spec).textContent);
  const draw = (plot) => {
    const spec = specOf(plot);
    const layout = themed(spec.layout);
    if (coarse) layout.dragmode = false; // a finger that scrolls the page must not zoom the figure
    const options = { displayModeBar: false, displaylogo: false };
    plot.textContent = "";
    return window.Plotly.newPlot(plot, painted(spec.data), layout, options).then(() => { plot.dataset.drawn = "yes"; follow.observe(plot); });
  };
  // A figure follows its own box, not the window: a box may change alone, and a late one has no event to wait for.
  const follow = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    if (target.dataset.drawn && target.offsetWidth > 0) window.Plotly.Plots.resize(target);
  }));
  const retheme = () => plots().filter((plot) => plot.dataset.drawn).forEach(draw);

  const unpack = async () => {
    const packed = atob(document.getElementById("plotly-packed").textContent.trim());
    const bytes = Uint8Array.from(packed, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.appendChild(script);
  };
  const drawAll = async () => {
    if (!plots().length) return;
    try {
      await unpack();
      for (const plot of plots()) await draw(plot);
      dark.addEventListener("change", retheme);
    } catch (error) {
      plots().filter((plot) => !plot.dataset.drawn).forEach((plot) => {
        plot.textContent = "This figure could not be drawn by your browser (" + error.message + "). " + (plot.getAttribute("aria-label") || "");
      });
    }
    document.documentElement.dataset.ready = "yes";
  };

  const explain = document.getElementById("explain");
  const explained = (open) => {
    document.querySelectorAll("details.why").forEach((d) => { d.open = open; });
    if (explain) {
      explain.setAttribute("aria-pressed", String(open));
      explain.textContent = open ? "Hide the explanations" : "Explain everything";
    }
  };
  if (explain) explain.addEventListener("click", () => explained(explain.getAttribute("aria-pressed") !== "true"));
  window.addEventListener("beforeprint", () => {
    explained(true);
    plots().forEach((plot) => { if (plot.dataset.drawn) window.Plotly.Plots.resize(plot); });
  });

  document.querySelectorAll("table.sortable").forEach((table) => {
    table.querySelectorAll("th button").forEach((button, column) => button.addEventListener("click", () => {
      const head = button.parentElement;
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("th").forEach((th) => th.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.children[column].dataset.value ?? row.children[column].textContent;
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === "" || y === "") return (x === "") - (y === ""); // what is missing stays last either way
        const numeric = !Number.isNaN(Number(x)) && !Number.isNaN(Number(y));
        return (down ? -1 : 1) * (numeric ? Number(x) - Number(y) : String(x).localeCompare(String(y)));
      };
      [...table.tBodies[0].rows].sort(order).forEach((row) => table.tBodies[0].appendChild(row));
    }));
  });

  document.querySelectorAll(".copy").forEach((box) => {
    if (!navigator.clipboard) return; // browsers offer it on secure pages and on files only
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => navigator.clipboard.writeText(box.querySelector("pre").textContent)
      .then(() => { button.textContent = "Copied"; }, () => { button.textContent = "Select it by hand"; }));
    box.appendChild(button);
  });

  drawAll();
})();
