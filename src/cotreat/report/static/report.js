"use strict";
// Adds reading by pointer, touch and arrow keys to the curves, and switches for arms and spreads.
// Every number is written by the server; this script only chooses which of them to show.
(function () {
  var SVG = "http://www.w3.org/2000/svg";
  var data = JSON.parse(document.getElementById("data").textContent);

  function make(name, attributes, parent) {
    var node = document.createElementNS(SVG, name);
    Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
    parent.appendChild(node);
    return node;
  }

  function numbers(text) { return text.split(" ").map(Number); }

  function geometry(svg) {
    var plot = numbers(svg.dataset.plot), scale = numbers(svg.dataset.scales);
    return {
      x: function (day) { return plot[0] + (day - scale[0]) / (scale[1] - scale[0]) * (plot[1] - plot[0]); },
      y: function (value) { return plot[3] + (value - scale[2]) / (scale[3] - scale[2]) * (plot[2] - plot[3]); },
      day: function (x) { return scale[0] + (x - plot[0]) / (plot[1] - plot[0]) * (scale[1] - scale[0]); }
    };
  }

  function nearest(days, day) {
    var best = 0;
    days.forEach(function (d, i) { if (Math.abs(d - day) < Math.abs(days[best] - day)) { best = i; } });
    return best;
  }

  function button(cell, label, act) {
    var made = document.createElement("button");
    made.type = "button";
    made.setAttribute("aria-pressed", "true");
    while (cell.firstChild) { made.appendChild(cell.firstChild); }
    made.title = label;
    cell.appendChild(made);
    made.addEventListener("click", function () {
      var on = made.getAttribute("aria-pressed") !== "true";
      made.setAttribute("aria-pressed", String(on));
      act(on);
    });
    return made;
  }

  function figure(root) {
    var chart = data.curves[Number(root.dataset.chart)];
    var drawings = Array.prototype.map.call(root.querySelectorAll("svg.curves"), function (svg) {
      var cursor = svg.querySelector(".cursor");
      var dots = chart.arms.map(function (arm) {
        return make("circle", { "class": "mark a" + arm.style, r: 4.5, "data-arm": arm.number }, cursor);
      });
      return { svg: svg, cursor: cursor, line: cursor.querySelector("line"), dots: dots, at: geometry(svg) };
    });
    var head = root.querySelector(".legend .at");
    var cells = root.querySelectorAll(".legend td.value");
    var rest = chart.days.length - 1;
    var hidden = {};
    var at = rest;

    var slider = document.createElement("input");
    slider.type = "range";
    slider.min = String(chart.days[0]);
    slider.max = String(chart.days[rest]);
    slider.step = "any";
    slider.setAttribute("aria-label", "Read the curves at a time: " + chart.title);
    var row = document.createElement("div");
    row.className = "scrub";
    row.appendChild(slider);
    var hint = document.createElement("span");
    hint.textContent = "drag, or arrow keys";
    row.appendChild(hint);
    root.querySelectorAll("svg.curves")[1].after(row);

    // The thumb stands below the crosshair: the slider is as long as the plot, plus half a thumb at each end.
    function align() {
      drawings.forEach(function (drawing) {
        var box = drawing.svg.getBoundingClientRect();
        if (!box.width) { return; }
        var scale = box.width / drawing.svg.viewBox.baseVal.width, plot = numbers(drawing.svg.dataset.plot);
        slider.style.marginLeft = (plot[0] * scale - 9) + "px";
        slider.style.width = ((plot[1] - plot[0]) * scale + 18) + "px";
      });
    }

    function show(index, visible) {
      head.textContent = "At " + chart.when[index];
      var spoken = chart.when[index];
      chart.arms.forEach(function (arm, i) {
        var value = arm.text[index];
        cells[i].textContent = value === null ? "\u2013" : value;
        if (value !== null && !hidden[arm.number]) { spoken += "; " + arm.name + " " + value; }
      });
      at = index;
      slider.value = String(chart.days[index]);
      slider.setAttribute("aria-valuetext", spoken);
      drawings.forEach(function (drawing) {
        var x = drawing.at.x(chart.days[index]);
        drawing.cursor.classList.toggle("on", visible);
        drawing.line.setAttribute("x1", x);
        drawing.line.setAttribute("x2", x);
        chart.arms.forEach(function (arm, i) {
          var median = arm.median[index];
          var shown = median !== null && !hidden[arm.number];
          drawing.dots[i].setAttribute("visibility", shown ? "inherit" : "hidden");
          if (shown) {
            drawing.dots[i].setAttribute("cx", x);
            drawing.dots[i].setAttribute("cy", drawing.at.y(median));
          }
        });
      });
    }

    drawings.forEach(function (drawing) {
      function read(event) {
        var box = drawing.svg.getBoundingClientRect();
        var x = (event.clientX - box.left) / box.width * drawing.svg.viewBox.baseVal.width;
        show(nearest(chart.days, drawing.at.day(x)), true);
      }
      drawing.svg.addEventListener("pointermove", read);
      drawing.svg.addEventListener("pointerdown", read);
      drawing.svg.addEventListener("pointerleave", function (event) {
        if (event.pointerType === "mouse" && document.activeElement !== slider) { show(rest, false); }
      });
    });
    slider.addEventListener("input", function () { show(nearest(chart.days, Number(slider.value)), true); });
    slider.addEventListener("keydown", function (event) {
      var to = {
        ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
        PageDown: at - 4, PageUp: at + 4, Home: 0, End: rest
      }[event.key];
      if (to === undefined) { return; }
      event.preventDefault();
      show(Math.min(Math.max(to, 0), rest), true);
    });
    slider.addEventListener("focus", function () { show(at, true); });
    slider.addEventListener("blur", function () { show(rest, false); });

    Array.prototype.forEach.call(root.querySelectorAll(".legend tbody th"), function (cell, i) {
      var arm = chart.arms[i];
      button(cell, "Show or hide " + arm.name, function (on) {
        hidden[arm.number] = !on;
        Array.prototype.forEach.call(root.querySelectorAll("svg.curves .arm"), function (part) {
          if (Number(part.dataset.arm) === arm.number) { part.classList.toggle("off", !on); }
        });
        show(at, drawings[0].cursor.classList.contains("on"));
      });
    });
    Array.prototype.forEach.call(root.querySelectorAll(".keys [data-hides]"), function (cell) {
      button(cell, "Show or hide: " + cell.textContent.trim(), function (on) {
        root.classList.toggle("hide-" + cell.dataset.hides, !on);
      });
    });
    show(rest, false);
    align();
    window.addEventListener("resize", align);
  }

  // A figure for a talk: the drawing as it is shown now, with its colours written into it.
  var KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin",
    "font-family", "font-size", "font-weight", "font-style", "text-anchor", "paint-order", "display", "visibility"];

  function standalone(svg, root) {
    var copy = svg.cloneNode(true);
    var from = [svg].concat(Array.prototype.slice.call(svg.querySelectorAll("*")));
    var to = [copy].concat(Array.prototype.slice.call(copy.querySelectorAll("*")));
    from.forEach(function (node, i) {
      var style = getComputedStyle(node);
      KEPT.forEach(function (key) { to[i].setAttribute(key, style.getPropertyValue(key)); });
      to[i].removeAttribute("class");
    });
    return frame(copy, svg, root);
  }

  // The title above, the meaning of the marks below, and an even margin.
  function frame(copy, svg, root) {
    var box = svg.viewBox.baseVal, body = getComputedStyle(document.body);
    var letters = Math.floor(box.width / 6.6), lines = wrap(root.dataset.note, letters);
    var left = -20, top = -50, width = box.width + 40, height = box.height + 74 + 17 * lines.length;
    copy.setAttribute("xmlns", SVG);
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    copy.setAttribute("viewBox", [left, top, width, height].join(" "));
    function words(text, y, size, weight) {
      make("text", {
        x: 0, y: y, "font-size": size, "font-weight": weight, fill: body.color, "font-family": copy.getAttribute("font-family")
      }, copy).textContent = text;
    }
    words(root.dataset.title, -24, 15, 600);
    lines.forEach(function (line, i) { words(line, box.height + 17 * (i + 1), 12, 400); });
    var ground = make("rect", { x: left, y: top, width: width, height: height, fill: body.backgroundColor }, copy);
    copy.insertBefore(ground, copy.firstChild);
    return copy;
  }

  function wrap(text, letters) {
    var lines = [""];
    text.split(" ").forEach(function (word) {
      var last = lines[lines.length - 1];
      if ((last + " " + word).length > letters) { lines.push(word); } else { lines[lines.length - 1] = (last + " " + word).trim(); }
    });
    return lines;
  }

  function saving(root, count) {
    var made = document.createElement("button");
    made.type = "button";
    made.className = "save";
    made.textContent = "Save figure " + (count + 1) + " as SVG";
    made.addEventListener("click", function () {
      var shown = Array.prototype.filter.call(root.querySelectorAll("svg.chart"), function (svg) {
        return svg.getBoundingClientRect().width > 0;
      })[0];
      var link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(standalone(shown, root))], { type: "image/svg+xml" }));
      link.download = "figure-" + (count + 1) + ".svg";
      link.click();
      setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    });
    root.appendChild(made);
  }

  Array.prototype.forEach.call(document.querySelectorAll("figure"), saving);
  Array.prototype.forEach.call(document.querySelectorAll("figure[data-chart]"), figure);
})();
