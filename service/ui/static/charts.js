// Draws a table that stands in the page as bars, by uPlot. The table is what is read aloud, printed and linked from;
// a figure names it (data-of) and says what becomes a bar: each of its rows, or each column of its foot. Bars of rows
// lie; those of columns stand, unless their names need more room than the page gives them. Bars beside their rows
// ("beside") bear neither name nor number: the row at their left does.
// Without this script, or without uPlot, the figure stays hidden and nothing is missing.
"use strict";

(() => {
  const drawn = new Map(); // figure -> what uPlot made of it
  const FONT = "12px system-ui, 'DejaVu Sans', sans-serif";
  const BAR = 26; // pixels a lying bar and its gap take
  const STANDING = 170; // pixels that standing bars are high
  const LONGEST = 0.42; // of the width: what names may take beside lying bars

  const said = (cell) => cell.textContent.replace(/\s+/g, " ").trim();

  const beside = (figure) => figure.dataset.chart === "beside";

  // What is drawn: a name, a number, the number as it is written there, and where its list stands.
  function bar(name, cell) {
    return { row: cell.parentElement, name: said(name), value: Number(cell.dataset.value), written: said(cell), link: name.querySelector("a[href]")?.href };
  }

  function barsOf(figure, table) {
    if (figure.dataset.chart === "columns") {
      const heads = table.tHead.rows[0].cells;
      return [...table.querySelectorAll("tfoot [data-value]")].map((cell) => bar(heads[cell.cellIndex], cell));
    }
    const rows = [...table.querySelectorAll("tbody tr")].filter((row) => row.querySelector("th") && row.querySelector("[data-value]"));
    return rows.slice(0, beside(figure) ? undefined : Number(figure.dataset.most ?? 12)).map((row) => bar(row.querySelector("th"), [...row.querySelectorAll("[data-value]")].at(-1)));
  }

  // Colours are those of the sheet, as the theme has them now.
  function colours(figure) {
    const probe = document.createElement("span");
    figure.append(probe);
    const found = {};
    for (const name of ["ink", "grid", "bar", "over"]) {
      probe.className = "chart-" + name;
      found[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    return found;
  }

  function shortened(context, text, most) {
    if (context.measureText(text).width <= most) return text;
    let kept = text;
    while (kept && context.measureText(kept + "…").width > most) kept = kept.slice(0, -1);
    return kept + "…";
  }

  function options(figure, bars, width) {
    const paint = colours(figure);
    const line = figure.dataset.line === undefined ? null : Number(figure.dataset.line);
    const scratch = document.createElement("canvas").getContext("2d");
    scratch.font = FONT;
    const bare = beside(figure);
    const lying = bare || figure.dataset.chart === "rows" || bars.some((one) => scratch.measureText(one.name).width > width / bars.length - 6);
    const room = bare ? 0 : Math.min(Math.max(...bars.map((one) => scratch.measureText(one.name).width)) + 12, width * LONGEST);
    const values = bars.map((one) => one.value);
    const low = Math.min(0, ...values);
    const high = Math.max(0, line ?? 0, ...values);
    const written = Math.max(...bars.map((one) => scratch.measureText(one.written).width)) + 10;
    const inner = Math.max(width - room - 14, 60);
    const more = bare ? 0 : (high - low) * (lying ? Math.min(written / Math.max(inner - written, 40), 1.5) : 0.15);
    const body = bare && document.getElementById(figure.dataset.of).tBodies[0].getBoundingClientRect();
    if (bare) figure.style.marginTop = `${body.top - figure.parentElement.getBoundingClientRect().top}px`;
    return {
      width,
      height: bare ? body.height : lying ? bars.length * BAR + 12 : STANDING,
      padding: bare ? [0, 0, 0, 0] : [6, 8, lying ? 6 : 0, lying ? 0 : 8],
      legend: { show: false },
      cursor: { show: false },
      select: { show: false },
      scales: {
        x: { time: false, ori: lying ? 1 : 0, dir: lying ? -1 : 1, range: bare ? [0, body.height] : [-0.5, bars.length - 0.5] },
        y: { ori: lying ? 0 : 1, range: [low < 0 ? low - more : 0, high + more] },
      },
      axes: [
        {
          scale: "x", show: !bare, side: lying ? 3 : 2, font: FONT, stroke: paint.ink, size: lying ? room : 24, gap: 6,
          grid: { show: false }, ticks: { show: false }, rotate: 0,
          splits: () => bars.map((_, at) => at),
          values: (_, splits) => splits.map((at) => lying ? shortened(scratch, bars[at].name, room - 12) : bars[at].name),
        },
        { scale: "y", side: lying ? 2 : 3, show: false },
      ],
      series: [
        {},
        {
          stroke: paint.bar, points: { show: false },
          paths: uPlot.paths.bars({
            size: [bare ? 0.5 : lying ? 0.7 : 0.6, bare ? 15 : 64],
            disp: { fill: { unit: 3, values: () => values.map((value) => (line !== null && value > line ? paint.over : paint.bar)) } },
          }),
          width: 0,
        },
      ],
      hooks: { draw: [(plot) => note(plot, bare ? [] : bars, lying, paint, line)] },
    };
  }

  // Where each bar lies: in their order, or each at the middle of its row.
  function places(figure, bars) {
    if (!beside(figure)) return bars.map((_, at) => at);
    const top = bars[0].row.parentElement.getBoundingClientRect().top;
    return bars.map(({ row }) => row.getBoundingClientRect().top + row.offsetHeight / 2 - top);
  }

  // Writes each number at the end of its bar, and the line that no bar should pass.
  function note(plot, bars, lying, paint, line) {
    const { ctx } = plot;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.font = FONT.replace("12px", `${12 * scale}px`);
    const edge = (value) => Math.round(plot.valToPos(value, "y", true));
    for (const value of [0, line]) {
      if (value === null) continue;
      ctx.strokeStyle = value === 0 ? paint.grid : paint.over;
      ctx.lineWidth = scale;
      ctx.setLineDash(value === 0 ? [] : [4 * scale, 4 * scale]);
      ctx.beginPath();
      if (lying) { ctx.moveTo(edge(value), plot.bbox.top); ctx.lineTo(edge(value), plot.bbox.top + plot.bbox.height); }
      else { ctx.moveTo(plot.bbox.left, edge(value)); ctx.lineTo(plot.bbox.left + plot.bbox.width, edge(value)); }
      ctx.stroke();
    }
    ctx.setLineDash([]);
    bars.forEach((one, at) => {
      if (!one.value) return; // where there is no bar there is nothing to read
      const middle = plot.valToPos(at, "x", true);
      const end = plot.valToPos(one.value, "y", true);
      const back = one.value < 0;
      ctx.fillStyle = line !== null && one.value > line ? paint.over : paint.ink;
      ctx.textAlign = lying ? (back ? "right" : "left") : "center";
      ctx.textBaseline = lying ? "middle" : (back ? "top" : "bottom");
      if (lying) ctx.fillText(one.written, end + (back ? -5 : 5) * scale, middle);
      else ctx.fillText(one.written, middle, end + (back ? 3 : -3) * scale);
    });
    ctx.restore();
  }

  function draw(figure, bars) {
    drawn.get(figure)?.plot.destroy();
    drawn.delete(figure);
    const width = Math.floor(figure.clientWidth);
    if (!width) return;
    const settings = options(figure, bars, width);
    const plot = new uPlot(settings, [places(figure, bars), bars.map((one) => one.value)], figure);
    drawn.set(figure, { plot, bars, width });
    if (!bars.some((one) => one.link)) return;
    const lying = plot.scales.x.ori === 1;
    const hit = (event) => {
      const place = plot.posToVal(lying ? event.offsetY : event.offsetX, "x");
      const off = plot.data[0].map((one) => Math.abs(one - place));
      return bars[off.indexOf(Math.min(...off))];
    };
    plot.over.addEventListener("mousemove", (event) => { plot.over.classList.toggle("leads", Boolean(hit(event)?.link)); });
    plot.over.addEventListener("click", (event) => { const link = hit(event)?.link; if (link) location.href = link; });
  }

  // All figures are shown before the first is drawn: what stands beside one changes its width.
  function drawAll() {
    const figures = [...document.querySelectorAll("figure[data-chart]")].map((figure) => {
      const table = document.getElementById(figure.dataset.of);
      const bars = table ? barsOf(figure, table) : [];
      figure.hidden = !bars.some((one) => one.value); // nothing to see where all is nothing
      return [figure, bars];
    });
    figures.filter(([figure]) => !figure.hidden).forEach(([figure, bars]) => draw(figure, bars));
  }

  function again() {
    for (const [figure, { bars, width }] of drawn) if (Math.floor(figure.clientWidth) !== width) draw(figure, bars);
  }

  if (typeof uPlot === "undefined") return;
  drawAll();
  window.addEventListener("resize", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("htmx:afterSettle", () => { drawn.clear(); drawAll(); });
})();
