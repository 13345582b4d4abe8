"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const data = JSON.parse(document.getElementById("data").textContent);
  const rebuilds = [];
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const shade = (name, alpha) => `color-mix(in srgb, ${color(name)} ${alpha * 100}%, transparent)`;
  const hue = (place) => `--c${place % 8}`;
  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const number = (value) => (value == null ? "—" : Number(value.toPrecision(4)).toString());

  // ---- theme -------------------------------------------------------------------------------------------------------------------

  const themes = ["system", "light", "dark"];
  const button = document.getElementById("theme");
  let theme = "system";
  try { theme = localStorage.getItem("kiln-theme") ?? theme; } catch { /* a page without storage has the system's theme */ }
  const apply = (name) => {
    root.dataset.theme = name;
    button.textContent = name === "system" ? "theme: as the system" : `theme: ${name}`;
    rebuilds.forEach((rebuild) => rebuild());
  };
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("kiln-theme", theme); } catch { /* not kept */ }
    apply(theme);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(theme));
  addEventListener("beforeprint", () => apply("light"));
  addEventListener("afterprint", () => apply(theme));

  // ---- tables ------------------------------------------------------------------------------------------------------------------

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sort = element("button", { type: "button", title: head.title }, ...head.childNodes);
      head.replaceChildren(sort);
      head.ariaSort = head.textContent === "#" ? "ascending" : "none";
      sort.addEventListener("click", () => {
        const down = head.ariaSort === "ascending" ? -1 : 1;
        heads.forEach((other) => { other.ariaSort = "none"; });
        head.ariaSort = down === 1 ? "ascending" : "descending";
        const key = (row) => {
          const cell = row.cells[column];
          return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
        };
        const empty = (value) => value === "" || value === "—";
        const rows = [...table.tBodies[0].rows].sort((a, b) => {
          const [left, right] = [key(a), key(b)];
          if (empty(left) || empty(right)) return empty(left) - empty(right);
          if (typeof left === "number" && typeof right === "number") return down * (left - right);
          return down * String(left).localeCompare(String(right), "en", { numeric: true });
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  // ---- zoomable plots ----------------------------------------------------------------------------------------------------------

  const axis = (label, more = {}) => ({
    label, labelSize: 20, labelGap: 2, labelFont: "12px system-ui, sans-serif", font: "12px system-ui, sans-serif",
    stroke: color("--quiet"), grid: { stroke: color("--rule"), width: 1 }, ticks: { stroke: color("--rule"), width: 1, size: 5 }, ...more,
  });

  // As many decimals as the distance between two ticks needs.
  const level = (label, size) => axis(label, {
    size: (_, values) => Math.max(size, 20 + 7 * Math.max(0, ...(values ?? []).map((value) => value.length))),
    values: (_, splits, _axis, _space, step) => splits.map((value) => {
      if (value == null) return "";
      const decimals = step > 0 ? Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)) : 20;
      const text = decimals > 6 ? Number(value.toPrecision(4)).toString() : value.toFixed(decimals);
      return text === "-0" ? "0" : text;
    }),
  });

  // Plots that share an axis, with buttons for whoever does not drag, and a line that reads out what is under the cursor.
  function plots(hosts, build, readout) {
    let built = [];
    let range = null;
    const output = element("output", { className: "readout" }, "Point at the plot to read its values.");
    hosts.at(-1).after(output);
    const zoom = (low, high) => {
      range = [low, high];
      built.forEach((plot) => plot.setScale("x", { min: low, max: high }));
    };
    const ends = () => {
      const xs = built[0].data[0];
      return [xs[0], xs.at(-1)];
    };
    const step = (change) => () => {
      const [first, last] = ends();
      let { min, max } = built[0].scales.x;
      [min, max] = change(min, max);
      const width = Math.min(max - min, last - first);
      min = Math.max(first, Math.min(min, last - width));
      zoom(min, min + width);
    };
    const tool = (text, label, act) => {
      const made = element("button", { type: "button", ariaLabel: label, title: label }, text);
      made.addEventListener("click", act);
      return made;
    };
    const tools = element("div", { className: "tools", role: "group", ariaLabel: "zoom" },
      tool("+", "zoom in", step((min, max) => [min + (max - min) / 4, max - (max - min) / 4])),
      tool("−", "zoom out", step((min, max) => [min - (max - min) / 2, max + (max - min) / 2])),
      tool("◂", "earlier", step((min, max) => [min - (max - min) / 3, max - (max - min) / 3])),
      tool("▸", "later", step((min, max) => [min + (max - min) / 3, max + (max - min) / 3])),
      tool("all", "show all", () => zoom(...ends())),
      element("span", { className: "note" }, "drag to zoom, double-click for all"));
    hosts[0].before(tools);

    const rebuild = () => {
      built.forEach((plot) => plot.destroy());
      built = hosts.map((host, place) => {
        const { options, values } = build(place);
        const low = host.classList.contains("low");
        const height = Math.max(low ? 150 : 280, Math.min(low ? 180 : 380, host.clientWidth * (low ? 0.3 : 0.5)));
        return new uPlot({
          width: host.clientWidth, height, legend: { show: false }, padding: [10, 12, 0, 0], ...options,
          cursor: {
            drag: { x: true, y: false, uni: 12 },
            points: { size: 6 },
            ...(hosts.length > 1 ? { sync: { key: hosts[0].id } } : {}),
          },
          hooks: {
            ...options.hooks,
            setCursor: [(plot) => { if (plot.cursor.idx != null) output.textContent = readout(plot.cursor.idx); }],
            setScale: [(plot, key) => {
              if (key !== "x" || built.length < hosts.length) return;
              const { min, max } = plot.scales.x;
              if (range && range[0] === min && range[1] === max) return;
              zoom(min, max);
            }],
          },
        }, values, host);
      });
      if (range) zoom(...range);
    };
    let width = 0;
    new ResizeObserver(() => {
      if (hosts[0].clientWidth !== width) {
        width = hosts[0].clientWidth;
        rebuild();
      }
    }).observe(hosts[0]);
    rebuilds.push(rebuild);
    return { rebuild, tools };
  }

  // Buttons that show and hide lines; what is chosen has a colour.
  function chips(names, label, chosen, change) {
    const group = element("div", { className: "chips", role: "group", ariaLabel: label });
    const paint = () => [...group.children].forEach((chip, place) => {
      const at = [...chosen].sort((a, b) => a - b).indexOf(place);
      chip.ariaPressed = String(at >= 0);
      chip.firstChild.style.background = at >= 0 ? `var(${hue(at)})` : "";
    });
    names.forEach((name, place) => {
      const chip = element("button", { type: "button" }, element("i"), name);
      chip.addEventListener("click", () => {
        if (!chosen.delete(place)) chosen.add(place);
        paint();
        change();
      });
      group.append(chip);
    });
    paint();
    return group;
  }

  const line = (stroke, more = {}) => ({ stroke, width: 1.8, points: { show: false }, spanGaps: true, ...more });
  const toggle = (tools, texts, pressed, change) => {
    const made = element("button", { type: "button", ariaPressed: String(pressed) }, texts[Number(pressed)]);
    made.addEventListener("click", () => {
      made.ariaPressed = String(made.ariaPressed !== "true");
      made.textContent = texts[Number(made.ariaPressed === "true")];
      change(made.ariaPressed === "true");
    });
    tools.append(made);
  };

  // ---- learning curves ---------------------------------------------------------------------------------------------------------

  if (data.curves) {
    const { epochs, unit, rows, rules } = data.curves;
    const host = document.getElementById("curves");
    const chosen = new Set(rows.map((_, place) => place).slice(0, 5));
    const known = rows.flatMap((row) => row.valid).concat(rules.map((rule) => rule.value)).filter((value) => value != null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    let log = low > 0 && high / low > 20;
    const name = (row) => `${row.rank ? `#${row.rank} ` : ""}${row.words || row.name}`;
    const build = () => {
      const values = [epochs];
      const series = [{}];
      const bands = [];
      const add = (points, options) => series.push(options) && values.push(points);
      const picked = [...chosen].sort((a, b) => a - b);
      rows.forEach((row, place) => { if (!chosen.has(place)) add(row.valid, line(color("--other"), { width: 1 })); });
      picked.forEach((place, at) => {
        const row = rows[place];
        if (row.low) {
          add(row.high, line("transparent", { width: 0 }));
          add(row.low, line("transparent", { width: 0 }));
          bands.push({ series: [series.length - 2, series.length - 1], fill: shade(hue(at), 0.16) });
        }
        if (picked.length === 1) add(row.train, line(color(hue(at)), { dash: [5, 4], width: 1.3 }));
        add(row.valid, line(color(hue(at))));
      });
      rules.forEach((rule) => add(epochs.map(() => rule.value), line(color("--text"), { width: 1, dash: [2, 3] })));
      const marks = (plot) => {
        const { ctx } = plot;
        const { left, top, width, height } = plot.bbox;
        const ratio = devicePixelRatio;
        ctx.save();
        ctx.beginPath();
        ctx.rect(left, top, width, height);
        ctx.clip();
        const at = (row, place) => [plot.valToPos(epochs[place], "x", true), plot.valToPos(row.valid[place], "y", true)];
        picked.forEach((place, order) => {
          ctx.fillStyle = color(hue(order));
          for (const best of rows[place].best) {
            ctx.beginPath();
            ctx.arc(...at(rows[place], best), 3.5 * ratio, 0, 7);
            ctx.fill();
          }
        });
        ctx.strokeStyle = color("--quiet");
        ctx.lineWidth = 1.5 * ratio;
        for (const row of rows) {
          for (const end of row.stopped) {
            const [x, y] = at(row, end);
            ctx.beginPath();
            for (const turn of [-1, 1]) {
              ctx.moveTo(x - 4 * ratio, y - 4 * turn * ratio);
              ctx.lineTo(x + 4 * ratio, y + 4 * turn * ratio);
            }
            ctx.stroke();
          }
        }
        // A baseline's name stands on its line; equal ones share theirs.
        ctx.fillStyle = color("--quiet");
        ctx.font = `${11 * ratio}px system-ui, sans-serif`;
        ctx.textAlign = "right";
        let former = Infinity;
        for (const rule of [...rules].sort((a, b) => a.value - b.value)) {
          const y = plot.valToPos(rule.value, "y", true);
          if (Math.abs(y - former) < 12 * ratio) continue;
          former = y;
          ctx.fillText(rule.name, left + width - 4 * ratio, y - 4 * ratio);
        }
        ctx.restore();
      };
      return {
        values,
        options: {
          series, bands, hooks: { draw: [marks] },
          scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
          axes: [axis("epoch", { size: 34, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }), level(unit, 64)],
        },
      };
    };
    const readout = (place) => {
      const read = [...chosen].sort((a, b) => a - b).map((row) => `${name(rows[row])}: ${number(rows[row].valid[place])}`);
      return `epoch ${epochs[place]} — ${read.concat(rules.map((rule) => `${rule.name}: ${number(rule.value)}`)).join("; ")}`;
    };
    const made = plots([host], build, readout);
    made.tools.before(chips(rows.map(name), "curves in colour", chosen, () => made.rebuild()));
    if (low > 0) toggle(made.tools, ["scale: linear", "scale: logarithmic"], log, (pressed) => { log = pressed; made.rebuild(); });
  }

  // ---- over time: windows or bars side by side, so that nights take no room ------------------------------------------------------

  function clock(zone) {
    const options = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    try {
      return [new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone ?? "UTC" }), zone ?? "UTC"];
    } catch {
      return [new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }), "UTC"];
    }
  }

  function timeAxis(at, ts, zone) {
    const [format, name] = clock(zone);
    const nearest = (x) => {
      let [low, high] = [0, at.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (at[middle] < x) low = middle + 1; else high = middle;
      }
      return ts[low];
    };
    const text = (seconds) => format.format(new Date(seconds * 1000)).replace(",", "");
    return {
      read: (place) => `${text(ts[place])} ${name}`,
      axis: axis(`time (${name})`, {
        size: 34,
        space: 96,
        values: (_, splits) => splits.map((x) => (Number.isInteger(x) ? text(nearest(x)) : "")),
      }),
      name,
    };
  }

  if (data.forecasts) {
    const { at, ts, target, lines, unit, zone, baseline } = data.forecasts;
    const host = document.getElementById("forecasts");
    const chosen = new Set([0].concat(baseline ? [lines.length - 1] : []));
    let errors = false;
    const shown = (values) => (errors ? values.map((value, place) => (value == null ? null : target[place] - value)) : values);
    const build = () => {
      const values = [at];
      const series = [{}];
      const add = (points, options) => series.push(options) && values.push(points);
      const forecast = (place) => {
        const order = [...chosen].filter((other) => other < place).length;
        add(shown(lines[place].values), line(color(hue(order)), { width: 1.2 }));
      };
      // The baseline below, then what came, the runs on top.
      const last = lines.length - 1;
      if (baseline && chosen.has(last)) forecast(last);
      add(errors ? at.map(() => 0) : target, line(color("--text"), { width: 1.2 }));
      [...chosen].filter((place) => !baseline || place !== last).sort((a, b) => b - a).forEach(forecast);
      const time = timeAxis(at, ts, zone);
      const axes = [time.axis, level(errors ? `target − forecast (${unit})` : unit, 72)];
      return { values, options: { series, scales: { x: { time: false } }, axes } };
    };
    const readout = (place) => {
      const picked = [...chosen].sort((a, b) => a - b);
      const read = picked.map((row) => `${lines[row].name}: ${lines[row].values[place] ?? "—"}`);
      return `${timeAxis(at, ts, zone).read(place)} — ${[`came: ${target[place]}`, ...read].join("; ")}`;
    };
    const made = plots([host], build, readout);
    made.tools.before(chips(lines.map((one) => one.name), "forecasts that are shown", chosen, () => made.rebuild()));
    toggle(made.tools, ["show errors", "show values"], false, (pressed) => { errors = pressed; made.rebuild(); });
  }

  if (data.account) {
    const { at, ts, zone, lines } = data.account;
    const hosts = ["equity", "drawdown"].map((id) => document.getElementById(id));
    const chosen = new Set(lines.map((_, place) => place));
    const build = (which) => {
      const values = [at];
      const series = [{}];
      [...chosen].sort((a, b) => b - a).forEach((place) => {
        const order = [...chosen].filter((other) => other < place).length;
        values.push(which === 0 ? lines[place].net : lines[place].drawdown);
        series.push(line(color(hue(order)), { width: 1.4 }));
      });
      const time = timeAxis(at, ts, zone);
      const axes = [time.axis, level(which === 0 ? "net result, %" : "drawdown, %", 60)];
      return { values, options: { series, scales: { x: { time: false } }, axes } };
    };
    const readout = (place) => {
      const picked = [...chosen].sort((a, b) => a - b);
      const read = picked.map((row) => `${lines[row].name}: ${number(lines[row].net[place])} % (${number(lines[row].drawdown[place])} %)`);
      return `${timeAxis(at, ts, zone).read(place)} — ${read.join("; ")}`;
    };
    const made = plots(hosts, build, readout);
    made.tools.before(chips(lines.map((one) => one.name), "accounts that are shown", chosen, () => made.rebuild()));
  }

  // ---- parallel coordinates ----------------------------------------------------------------------------------------------------

  const parallel = document.getElementById("parallel");
  if (parallel) {
    const { top, bottom, rows } = data.parallel;
    const axes = [...parallel.querySelectorAll(".coordinate")];
    const ranges = axes.map(() => null);
    const output = document.getElementById("chosen");
    const table = new Map([...document.querySelectorAll("#rows tr[data-row]")].map((row) => [Number(row.dataset.row), row]));
    const paths = new Map([...parallel.querySelectorAll(".row")].map((path) => [Number(path.dataset.row), path]));
    const update = () => {
      let count = 0;
      rows.forEach((places, row) => {
        const kept = ranges.every((range, axis) => !range || (places[axis] >= range[0] - 1e-6 && places[axis] <= range[1] + 1e-6));
        count += kept;
        paths.get(row)?.classList.toggle("off", !kept);
        table.get(row)?.classList.toggle("off", !kept);
      });
      output.textContent = ranges.some(Boolean) ? `${count} of ${rows.length} assignments are within what was chosen` : "";
      axes.forEach((axis, place) => {
        const [low, high] = ranges[place] ?? [0, 0];
        const brush = axis.querySelector(".brush");
        brush.setAttribute("y", bottom - high * (bottom - top));
        brush.setAttribute("height", (high - low) * (bottom - top));
      });
    };
    const within = (value) => Math.min(1, Math.max(0, value));
    axes.forEach((axis, place) => {
      const hit = axis.querySelector(".hit");
      const at = (event) => {
        const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(parallel.getScreenCTM().inverse());
        return within((bottom - point.y) / (bottom - top));
      };
      let start = null;
      hit.addEventListener("pointerdown", (event) => {
        start = at(event);
        hit.setPointerCapture(event.pointerId);
      });
      hit.addEventListener("pointermove", (event) => {
        if (start === null) return;
        const end = at(event);
        ranges[place] = Math.abs(end - start) < 0.01 ? null : [Math.min(start, end), Math.max(start, end)];
        update();
      });
      hit.addEventListener("pointerup", (event) => {
        if (start !== null && Math.abs(at(event) - start) < 0.01) ranges[place] = null;
        start = null;
        update();
      });
      axis.addEventListener("keydown", (event) => {
        const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
        if (event.key === "Escape") ranges[place] = null;
        else if (by === undefined) return;
        else if (!ranges[place]) ranges[place] = by > 0 ? [0.5, 1] : [0, 0.5];
        else if (event.shiftKey) ranges[place] = [within(ranges[place][0] + Math.min(by, 0)), within(ranges[place][1] + Math.max(by, 0))];
        else ranges[place] = ranges[place].map((end) => within(end + by));
        event.preventDefault();
        update();
      });
    });
    for (const [row, line] of table) {
      const path = paths.get(row);
      if (!path) continue;
      line.addEventListener("pointerenter", () => path.classList.add("lit"));
      line.addEventListener("pointerleave", () => path.classList.remove("lit"));
    }
  }

  apply(theme);
})();
