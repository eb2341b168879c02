// The zone from above, on a canvas. Draws what is in view only, once for each frame of the screen.

import { around, draw, drawPonds, groundTile, heightOf, isFlat } from "./drawings.js";
import { clean, named } from "./words.js";

// So much of the world is across the shorter side of the canvas, for players and for spectators.
const METRES_ACROSS = 15;
const METRES_WATCHED = 24;
const MARGIN_METRES = 4;
const MOST_LABELS = 60;
const MOST_BUBBLES = 12;
const BUBBLE_MS = 6000;
// An object counts as walking for this long after its last step.
const WALKING_MS = 220;

export class View {
  #canvas;
  #ctx;
  #zone;
  #camera = { x: 0, y: 0 };
  #arrived = false;
  #pixels = 32; // For each metre.
  #ground = null;
  #groundOf = "";
  #bubbles = new Map(); // Name: `{ lines, until }`.
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  /** The id of the own object; without it, the camera shows the middle of things. */
  own = null;
  selected = null;
  /** Where the own character walks to. */
  target = null;

  constructor(canvas, zone, onClick) {
    this.#canvas = canvas;
    this.#zone = zone;
    this.#ctx = canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
    const follow = () => (zone.smooth = !this.#still.matches);
    this.#still.addEventListener("change", follow);
    follow();
    let down = null;
    canvas.addEventListener("pointerdown", (event) => {
      down = event.isPrimary && event.button === 0 ? { x: event.clientX, y: event.clientY } : null;
    });
    canvas.addEventListener("pointerup", (event) => {
      if (!down || Math.hypot(event.clientX - down.x, event.clientY - down.y) > 12) return;
      const point = this.#pointAt(event);
      onClick(point, this.#objectAt(point, event.pointerType === "touch" ? 0.5 : 0.15));
    });
    const frame = (now) => {
      this.#draw(now);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  /** The camera does not slide into a new zone: it is there. */
  arrive() {
    this.#arrived = false;
    this.#bubbles.clear();
    this.target = null;
  }

  /** Shows words above whoever says them. */
  say(name, text) {
    this.#bubbles.delete(name);
    this.#bubbles.set(name, { lines: this.#wrap(clean(text, 90)), until: performance.now() + BUBBLE_MS });
    if (this.#bubbles.size > MOST_BUBBLES) this.#bubbles.delete(this.#bubbles.keys().next().value);
  }

  #wrap(text) {
    this.#ctx.font = this.#font(12);
    const lines = [""];
    for (const word of text.split(/\s+/)) {
      const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
      if (lines.at(-1) && this.#ctx.measureText(longer).width > 170 * this.#ratio) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines.slice(0, 4);
  }

  #resize() {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = this.#ratio;
    this.#canvas.width = Math.max(Math.round(clientWidth * ratio), 1);
    this.#canvas.height = Math.max(Math.round(clientHeight * ratio), 1);
  }

  /** Pixels of the canvas for each of the page. */
  get #ratio() {
    return Math.min(devicePixelRatio || 1, 2);
  }

  #zoom() {
    const { clientWidth, clientHeight } = this.#canvas;
    const pixels = Math.min(clientWidth, clientHeight) / (this.own ? METRES_ACROSS : METRES_WATCHED);
    // Spectators see nothing of what is north and south of the zone.
    const filled = this.own || !this.#zone.place ? 0 : clientHeight / this.#zone.place.height;
    this.#pixels = Math.round(Math.min(Math.max(pixels, filled, this.own ? 22 : 14), 56) * this.#ratio);
  }

  #pointAt({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    const scale = this.#canvas.width / box.width;
    return {
      x: this.#camera.x + ((clientX - box.left) * scale - this.#canvas.width / 2) / this.#pixels,
      y: this.#camera.y + ((clientY - box.top) * scale - this.#canvas.height / 2) / this.#pixels,
    };
  }

  /** What is there: the frontmost of those whose drawing is under the point. */
  #objectAt(point, reach) {
    let best = null;
    for (const object of this.#zone.objects.values()) {
      if (object.id === this.own || isFlat(object)) continue;
      const { x, y } = object.shown;
      const wide = Math.max(object.radius, 0.25) + reach;
      const high = Math.max(heightOf(object) - 0.25, 0.3);
      const isHit = Math.abs(point.x - x) <= wide && point.y <= y + object.radius / 2 + reach && point.y >= y - high - reach;
      if (isHit && (!best || y > best.shown.y)) best = object;
    }
    return best;
  }

  #draw(now) {
    this.#zone.advance(now);
    this.#zoom();
    this.#moveCamera();
    const [ctx, { width, height }] = [this.#ctx, this.#canvas];
    const place = this.#zone.place;
    this.#toPixels();
    ctx.fillStyle = around(place?.ground);
    ctx.fillRect(0, 0, width, height);
    if (this.#zone.id === null) return;
    this.#toMetres();
    this.#drawGround(place);

    const half = { x: width / 2 / this.#pixels, y: height / 2 / this.#pixels };
    const inView = [];
    for (const object of this.#zone.objects.values()) {
      const far = object.radius + MARGIN_METRES;
      if (Math.abs(object.shown.x - this.#camera.x) > half.x + far) continue;
      if (Math.abs(object.shown.y - this.#camera.y) > half.y + far) continue;
      inView.push(object);
    }
    inView.sort((a, b) => a.shown.y - b.shown.y || (a.id < b.id ? -1 : 1));
    drawPonds(ctx, inView.filter(isFlat));
    this.#drawMarks(now);
    for (const object of inView) {
      if (!isFlat(object)) this.#drawObject(object, now);
    }
    this.#toPixels();
    if (this.#dark.matches) {
      ctx.globalCompositeOperation = "multiply";
      ctx.fillStyle = "#8c96c0";
      ctx.fillRect(0, 0, width, height);
      ctx.globalCompositeOperation = "source-over";
    }
    this.#drawLabels(inView);
    this.#drawBubbles(now);
  }

  #toPixels() {
    this.#ctx.setTransform(1, 0, 0, 1, 0, 0);
  }

  #toMetres(at = { x: 0, y: 0 }) {
    const [pixels, { width, height }] = [this.#pixels, this.#canvas];
    const left = width / 2 + (at.x - this.#camera.x) * pixels;
    const top = height / 2 + (at.y - this.#camera.y) * pixels;
    this.#ctx.setTransform(pixels, 0, 0, pixels, left, top);
  }

  #moveCamera() {
    const own = this.#zone.objects.get(this.own);
    const place = this.#zone.place;
    let aim = own?.shown ?? (place ? { x: place.width / 2, y: place.height / 2 } : this.#middle());
    if (place) {
      // Little is shown of what lies around the zone.
      const inside = (value, side, half) =>
        side + 3 <= half * 2 ? side / 2 : Math.min(Math.max(value, half - 1.5), side + 1.5 - half);
      aim = {
        x: inside(aim.x, place.width, this.#canvas.width / 2 / this.#pixels),
        y: inside(aim.y, place.height, this.#canvas.height / 2 / this.#pixels),
      };
    }
    const slide = this.#arrived && this.#zone.smooth ? 0.15 : 1;
    this.#camera.x += (aim.x - this.#camera.x) * slide;
    this.#camera.y += (aim.y - this.#camera.y) * slide;
    this.#arrived ||= this.#zone.objects.size > 0;
  }

  #middle() {
    const middle = { x: 0, y: 0 };
    for (const { shown } of this.#zone.objects.values()) {
      middle.x += shown.x / this.#zone.objects.size;
      middle.y += shown.y / this.#zone.objects.size;
    }
    return middle;
  }

  #drawGround(place) {
    const ctx = this.#ctx;
    const kind = place?.ground ?? "grass";
    const tile = `${kind} ${this.#pixels}`;
    if (tile !== this.#groundOf) {
      this.#ground = ctx.createPattern(groundTile(kind, this.#pixels), "repeat");
      this.#groundOf = tile;
    }
    this.#ground.setTransform(new DOMMatrix().scale(1 / this.#pixels));
    const all = place ? [0, 0, place.width, place.height] : [this.#camera.x - 500, this.#camera.y - 500, 1000, 1000];
    ctx.fillStyle = this.#ground;
    ctx.fillRect(...all);
    if (!place) return;
    ctx.strokeStyle = "rgb(40 32 18 / .55)";
    ctx.lineWidth = 0.18;
    ctx.strokeRect(...all);
  }

  #drawMarks(now) {
    const ctx = this.#ctx;
    const ring = ({ x, y }, radius, style, width) => {
      ctx.strokeStyle = style;
      ctx.lineWidth = width;
      ctx.beginPath();
      ctx.ellipse(x, y, radius, radius * 0.5, 0, 0, Math.PI * 2);
      ctx.stroke();
    };
    const own = this.#zone.objects.get(this.own);
    if (own) {
      ctx.fillStyle = "rgb(255 236 150 / .35)";
      ctx.beginPath();
      ctx.ellipse(own.shown.x, own.shown.y, 0.7, 0.36, 0, 0, Math.PI * 2);
      ctx.fill();
      ring(own.shown, 0.7, "#ffe27a", 0.07);
    }
    const selected = this.#zone.objects.get(this.selected);
    if (selected) ring(selected.shown, selected.radius + 0.3, "#ffffff", 0.08);
    if (this.target) {
      const pulse = this.#zone.smooth ? 0.25 + 0.08 * Math.sin(now / 160) : 0.25;
      ring(this.target, pulse, "rgb(255 255 255 / .9)", 0.06);
    }
  }

  #drawObject(object, now) {
    this.#toMetres(object.shown);
    const walks = this.#zone.smooth && now - object.moved < WALKING_MS;
    draw(this.#ctx, object, walks ? Math.sin(now / 90) : 0);
  }

  #font(size, weight = 600) {
    return `${weight} ${size * this.#ratio}px system-ui, sans-serif`;
  }

  #text(text, x, y, fill) {
    const ctx = this.#ctx;
    ctx.lineWidth = 3.2 * this.#ratio;
    ctx.lineJoin = "round";
    ctx.strokeStyle = "rgb(20 24 18 / .85)";
    ctx.strokeText(text, x, y);
    ctx.fillStyle = fill;
    ctx.fillText(text, x, y);
  }

  #above(object) {
    const { width, height } = this.#canvas;
    return {
      x: width / 2 + (object.shown.x - this.#camera.x) * this.#pixels,
      y: height / 2 + (object.shown.y - heightOf(object) - this.#camera.y) * this.#pixels,
    };
  }

  #drawLabels(inView) {
    const ctx = this.#ctx;
    const ratio = this.#ratio;
    ctx.textAlign = "center";
    ctx.textBaseline = "alphabetic";
    const isNamed = (it) => ["player", "guide", "gate"].includes(it.kind) || it.status || it.health != null || it.id === this.selected;
    // Players' names first, should there be too many.
    const labelled = inView.filter(isNamed).sort((a, b) => (b.kind === "player") - (a.kind === "player"));
    for (const object of labelled.slice(0, MOST_LABELS)) {
      const { x, y } = this.#above(object);
      const status = clean(object.status, 48);
      const line = 15 * ratio;
      const name = object.kind === "player" ? named(object.name) : clean(object.name, 32);
      ctx.font = this.#font(13);
      this.#text(name, x, status ? y - line : y, object.id === this.own ? "#ffe27a" : "#ffffff");
      if (status) {
        ctx.font = `italic ${this.#font(11, 400)}`;
        this.#text(status, x, y, "#e9efe2");
      }
      if (object.health != null && object.kind !== "player") {
        ctx.font = this.#font(11);
        this.#text(`♥ ${clean(object.health, 6)}`, x, y - line * (status ? 2 : 1), "#ffb3ab");
      }
    }
  }

  #drawBubbles(now) {
    const ctx = this.#ctx;
    const ratio = this.#ratio;
    for (const [name, { lines, until }] of this.#bubbles) {
      if (now > until) {
        this.#bubbles.delete(name);
        continue;
      }
      const object = this.#zone.called(name);
      if (!object) continue;
      const { x, y } = this.#above(object);
      ctx.font = this.#font(12, 500);
      const line = 16 * ratio;
      const wide = Math.min(Math.max(...lines.map((it) => ctx.measureText(it).width)), 200 * ratio) + 18 * ratio;
      const top = y - (object.status ? 36 : 20) * ratio - lines.length * line - 8 * ratio;
      ctx.fillStyle = "rgb(255 253 245 / .94)";
      ctx.beginPath();
      ctx.roundRect(x - wide / 2, top, wide, lines.length * line + 8 * ratio, 9 * ratio);
      ctx.fill();
      ctx.fillStyle = "#24261f";
      lines.forEach((text, at) => ctx.fillText(text, x, top + line * (at + 1), wide - 8 * ratio));
    }
  }
}
