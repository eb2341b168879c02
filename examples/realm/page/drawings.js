// How things look from above and a little from the south. Each drawing has its foot at 0, 0; its
// unit is the metre.

const TAU = Math.PI * 2;

function oval(ctx, x, y, rx, ry, fill) {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.ellipse(x, y, rx, ry, 0, 0, TAU);
  ctx.fill();
}

function shape(ctx, fill, ...points) {
  ctx.fillStyle = fill;
  ctx.beginPath();
  points.forEach(([x, y], at) => (at ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
  ctx.closePath();
  ctx.fill();
}

function slab(ctx, x, y, width, height, round, fill) {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, round);
  ctx.fill();
}

const shadow = (ctx, rx, ry = rx * 0.45) => oval(ctx, 0, 0, rx, ry, "rgb(20 20 10 / .28)");

/** A number from 0 to 1 that is always the same for a text. */
export function chance(text, salt = 0) {
  let hash = 2166136261 ^ salt;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function person(ctx, r, coat, hair, step, hat) {
  const lift = Math.abs(step) * 0.06;
  shadow(ctx, r * 0.95);
  oval(ctx, -0.13, -0.06 - Math.max(step, 0) * 0.1, 0.11, 0.09, "#3a2f28");
  oval(ctx, 0.13, -0.06 - Math.max(-step, 0) * 0.1, 0.11, 0.09, "#3a2f28");
  ctx.translate(0, -lift);
  slab(ctx, -0.3, -0.82, 0.6, 0.74, 0.24, coat);
  slab(ctx, -0.3, -0.38, 0.6, 0.08, 0.02, "rgb(0 0 0 / .22)");
  oval(ctx, -0.33, -0.5 + step * 0.05, 0.09, 0.15, coat);
  oval(ctx, 0.33, -0.5 - step * 0.05, 0.09, 0.15, coat);
  oval(ctx, 0, -1.02, 0.25, 0.26, "#f0c9a0");
  oval(ctx, 0, -1.14, 0.27, 0.18, hair);
  oval(ctx, 0.04, -1, 0.03, 0.04, "#2a2320");
  oval(ctx, 0.16, -1, 0.03, 0.04, "#2a2320");
  if (hat) {
    oval(ctx, 0, -1.2, 0.42, 0.12, hat);
    slab(ctx, -0.22, -1.5, 0.44, 0.32, 0.12, hat);
  }
}

const DRAWINGS = {
  player(ctx, object, step) {
    const hue = Math.round(chance(object.id) * 360);
    const hair = ["#3b2a1e", "#7a4b22", "#c9972f", "#2b2b33", "#8f3d20"][Math.floor(chance(object.id, 7) * 5)];
    person(ctx, object.radius, `hsl(${hue} 52% 46%)`, hair, step);
  },
  guide(ctx, object, step) {
    person(ctx, object.radius, "#6a4a8c", "#d8d4c8", step, "#3f2c58");
    ctx.fillStyle = "#8a6a3c";
    ctx.fillRect(0.42, -1.15, 0.06, 1.15);
  },
  hen(ctx, object, step) {
    const feathers = ["#fbf5e6", "#c98f4a", "#8d5a34"][Math.floor(chance(object.id, 3) * 3)];
    shadow(ctx, 0.3);
    ctx.translate(0, -Math.abs(step) * 0.05);
    ctx.fillStyle = "#d98a1f";
    ctx.fillRect(-0.08, -0.12, 0.04, 0.12);
    ctx.fillRect(0.05, -0.12, 0.04, 0.12);
    shape(ctx, feathers, [-0.22, -0.34], [-0.46, -0.56], [-0.12, -0.48]);
    oval(ctx, 0, -0.29, 0.3, 0.2, feathers);
    oval(ctx, -0.04, -0.28, 0.16, 0.1, "rgb(0 0 0 / .12)");
    oval(ctx, 0.24, -0.52, 0.13, 0.15, feathers);
    shape(ctx, "#e39a25", [0.34, -0.55], [0.47, -0.49], [0.34, -0.45]);
    oval(ctx, 0.22, -0.67, 0.05, 0.06, "#cf3f2e");
    oval(ctx, 0.29, -0.66, 0.04, 0.05, "#cf3f2e");
    oval(ctx, 0.28, -0.54, 0.022, 0.03, "#1d1712");
  },
  slime(ctx, { radius: r, name }, step) {
    const skin = /grey/i.test(name) ? "#8a929b" : "#58b368";
    shadow(ctx, r * 1.05);
    const squash = 1 + step * 0.08;
    oval(ctx, 0, -r * 0.6 * squash, r * (1.06 - step * 0.06), r * 0.68 * squash, skin);
    oval(ctx, -r * 0.35, -r * 0.95, r * 0.22, r * 0.13, "rgb(255 255 255 / .55)");
    oval(ctx, r * 0.1, -r * 0.65, 0.05, 0.08, "#1c261d");
    oval(ctx, r * 0.5, -r * 0.65, 0.05, 0.08, "#1c261d");
  },
  puddle(ctx, { radius: r, name }) {
    const skin = /grey/i.test(name) ? "#8a929b" : "#58b368";
    oval(ctx, 0, 0, r * 1.4, r * 0.5, skin);
    oval(ctx, -r * 0.5, -r * 0.1, r * 0.4, r * 0.12, "rgb(255 255 255 / .4)");
  },
  barrel(ctx, { radius: r, name }) {
    shadow(ctx, r * 1.15);
    if (/crate/i.test(name)) {
      slab(ctx, -r, -r * 1.7, r * 2, r * 1.8, 0.04, "#a97b45");
      ctx.strokeStyle = "#6d4b26";
      ctx.lineWidth = 0.07;
      ctx.strokeRect(-r + 0.05, -r * 1.7 + 0.05, r * 2 - 0.1, r * 1.8 - 0.1);
      ctx.beginPath();
      ctx.moveTo(-r + 0.05, -r * 1.65);
      ctx.lineTo(r - 0.05, 0.02);
      ctx.stroke();
      return;
    }
    slab(ctx, -r, -r * 1.9, r * 2, r * 2.1, r * 0.5, "#9a6a38");
    ctx.fillStyle = "#5f6670";
    ctx.fillRect(-r, -r * 1.35, r * 2, 0.08);
    ctx.fillRect(-r, -r * 0.35, r * 2, 0.08);
    oval(ctx, 0, -r * 1.85, r * 0.92, r * 0.36, "#b98550");
    oval(ctx, 0, -r * 1.85, r * 0.62, r * 0.22, "#8a5c2e");
  },
  gate(ctx, { radius: r, name }) {
    if (/steps/i.test(name)) {
      for (let at = 0; at < 4; at++) {
        slab(ctx, -r + at * 0.09, -r * 0.7 + at * 0.28, (r - at * 0.09) * 2, 0.26, 0.04, `hsl(30 8% ${52 - at * 11}%)`);
      }
      return;
    }
    shadow(ctx, r * 1.3, r * 0.4);
    oval(ctx, 0, -0.05, r * 0.75, r * 0.3, "rgb(255 232 150 / .55)");
    slab(ctx, -r * 1.1, -2.1, 0.32, 2.15, 0.06, "#8c8577");
    slab(ctx, r * 1.1 - 0.32, -2.1, 0.32, 2.15, 0.06, "#7a7467");
    slab(ctx, -r * 1.25, -2.35, r * 2.5, 0.36, 0.1, "#9c9586");
    oval(ctx, 0, -2.18, 0.13, 0.13, "#e8c554");
  },
  door(ctx, { radius: r, status }) {
    const open = /open/i.test(status ?? "");
    shadow(ctx, r * 0.9, 0.25);
    slab(ctx, -0.35, -r - 0.9, 0.7, r * 2 + 0.9, 0.08, "#6e6a63");
    if (open) {
      slab(ctx, -0.28, -r - 0.72, 0.56, r * 2 + 0.6, 0.05, "#2a2622");
      slab(ctx, 0.3, -r - 0.6, 0.9, 0.16, 0.04, "#8d5f32");
    } else {
      slab(ctx, -0.28, -r - 0.72, 0.56, r * 2 + 0.6, 0.05, "#8d5f32");
      ctx.fillStyle = "#5a3a1c";
      for (let y = -r - 0.4; y < r; y += 0.5) ctx.fillRect(-0.28, y, 0.56, 0.05);
      oval(ctx, 0.16, -0.2, 0.07, 0.07, "#d9b24a");
    }
  },
  pillar(ctx, { radius: r }) {
    slab(ctx, -r, -r - 0.7, r * 2, r * 2 + 0.7, 0.3, "#5b5953");
    slab(ctx, -r, -r - 0.7, r * 2, r * 1.9, 0.3, "#85827a");
    oval(ctx, -r * 0.3, -r * 0.5 - 0.3, r * 0.35, r * 0.2, "rgb(70 110 60 / .5)");
  },
  tree(ctx, { radius: r, id, name }) {
    shadow(ctx, r * 2.6, r * 1.3);
    slab(ctx, -r * 0.45, -1.5, r * 0.9, 1.55, 0.1, "#6b4a2b");
    const green = /willow/i.test(name) ? 78 : 100 + chance(id) * 30;
    const crown = (x, y, size, light) => oval(ctx, x, y, size, size * 0.86, `hsl(${green} 36% ${light}%)`);
    crown(-r * 1.3, -1.7, r * 1.5, 24);
    crown(r * 1.3, -1.75, r * 1.5, 27);
    crown(0, -2.4, r * 1.9, 31);
    crown(-r * 0.6, -2.7, r * 0.9, 38);
  },
  stone(ctx, { radius: r, id }) {
    shadow(ctx, r * 1.2);
    shape(ctx, "#77756e", [-r, 0.05], [-r * 0.85, -r * 0.9], [-r * 0.1, -r * 1.35], [r * 0.8, -r * 0.95], [r, 0.05]);
    shape(ctx, "#99968c", [-r * 0.85, -r * 0.9], [-r * 0.1, -r * 1.35], [r * 0.8, -r * 0.95], [r * 0.1, -r * 0.6]);
    if (chance(id) > 0.3) oval(ctx, -r * 0.3, -r * 0.2, r * 0.35, r * 0.14, "rgb(88 130 66 / .7)");
  },
  bush(ctx, { radius: r }) {
    shadow(ctx, r * 1.2);
    oval(ctx, -r * 0.5, -r * 0.5, r * 0.7, r * 0.6, "#3f6b35");
    oval(ctx, r * 0.45, -r * 0.5, r * 0.7, r * 0.6, "#47773b");
    oval(ctx, 0, -r * 0.9, r * 0.75, r * 0.6, "#558a46");
  },
  item(ctx, { name }) {
    oval(ctx, 0, 0, 0.28, 0.13, "rgb(255 240 150 / .55)");
    if (/sword/i.test(name)) {
      ctx.rotate(0.7);
      slab(ctx, -0.05, -0.85, 0.1, 0.68, 0.04, "#c4cad1");
      slab(ctx, -0.17, -0.2, 0.34, 0.07, 0.03, "#8a6a2c");
      slab(ctx, -0.04, -0.16, 0.08, 0.2, 0.03, "#4b3520");
    } else if (/egg/i.test(name)) {
      oval(ctx, 0, -0.16, 0.13, 0.17, /brown/i.test(name) ? "#c08f5f" : "#f5ead2");
      oval(ctx, -0.04, -0.22, 0.035, 0.05, "rgb(255 255 255 / .8)");
    } else {
      slab(ctx, -0.18, -0.32, 0.36, 0.32, 0.1, "#a8804c");
      slab(ctx, -0.1, -0.4, 0.2, 0.12, 0.05, "#7a5a30");
    }
  },
  other(ctx, { radius: r, kind }) {
    shadow(ctx, r);
    oval(ctx, 0, -r * 0.7, r, r * 0.85, "#8d8799");
    ctx.fillStyle = "#fff";
    ctx.font = `600 ${r}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText((String(kind ?? "")[0] ?? "?").toUpperCase(), 0, -r * 0.68);
  },
};

// Drawn to look east, and turned around when they go west.
const TURNS = new Set(["player", "guide", "hen", "slime"]);

/** Draws an object. `step` swings between -1 and 1 while it walks, and is 0 while it stands. */
export function draw(ctx, object, step) {
  if (object.facing < 0 && TURNS.has(object.kind)) ctx.scale(-1, 1);
  (Object.hasOwn(DRAWINGS, object.kind) ? DRAWINGS[object.kind] : DRAWINGS.other)(ctx, object, step);
}

/** Whether it lies on the ground, below all that stands there. */
export const isFlat = (object) => object.kind === "pond";

/** Ponds shine together: several of them are one water. */
export function drawPonds(ctx, ponds) {
  const layer = (grow, fill) => {
    ctx.fillStyle = fill;
    ctx.beginPath();
    for (const { shown, radius } of ponds) {
      ctx.moveTo(shown.x + radius + grow, shown.y);
      ctx.ellipse(shown.x, shown.y, radius + grow, radius + grow, 0, 0, TAU);
    }
    ctx.fill();
  };
  layer(0.25, "#8a7f54");
  layer(0, "#3f87a6");
  layer(-0.35, "#4f9bb8");
  for (const { shown, radius } of ponds) {
    oval(ctx, shown.x - radius * 0.3, shown.y - radius * 0.35, radius * 0.3, radius * 0.08, "rgb(255 255 255 / .35)");
  }
}

/** How high above its foot its name is written, in metres. */
export function heightOf({ kind, radius }) {
  return { player: 1.45, guide: 1.65, hen: 0.85, gate: 2.5, tree: 3.2, item: 0.5, pillar: 2.4, door: 2.1 }[kind] ?? radius * 2 + 0.15;
}

const GROUNDS = {
  grass: { base: "#7fae5c", spots: ["#7caa59", "#83b260", "#7aa857"], extra: "blades", around: "#4d6b3f" },
  stone: { base: "#77746d", spots: ["#73706a", "#7b7871"], extra: "flags", around: "#2c2a27" },
  soil: { base: "#8f6d48", spots: ["#8b6945", "#93714b"], extra: "furrows", around: "#54432f" },
};

const groundOf = (kind) => GROUNDS[Object.hasOwn(GROUNDS, kind) ? kind : "grass"];

/** The colour of what lies around a zone. */
export const around = (kind) => groundOf(kind).around;

/** A square of ground, eight metres wide, that goes on in all directions. */
export function groundTile(kind, pixelsPerMetre) {
  const ground = groundOf(kind);
  const side = Math.round(8 * pixelsPerMetre);
  const tile = new OffscreenCanvas(side, side);
  const ctx = tile.getContext("2d");
  ctx.scale(side / 8, side / 8);
  ctx.fillStyle = ground.base;
  ctx.fillRect(0, 0, 8, 8);
  // Whatever crosses an edge is drawn on both sides of it.
  const everywhere = (x, y, paint) => {
    for (const sx of [-8, 0, 8]) for (const sy of [-8, 0, 8]) paint(x + sx, y + sy);
  };
  const at = (number, salt) => chance(`${kind}${number}`, salt) * 8;
  for (let number = 0; number < 26; number++) {
    const fill = ground.spots[number % ground.spots.length];
    const size = 0.5 + chance(`${number}`, 5) * 1.3;
    everywhere(at(number, 1), at(number, 2), (x, y) => oval(ctx, x, y, size, size * 0.6, fill));
  }
  if (ground.extra === "blades") {
    for (let number = 0; number < 130; number++) {
      const [x, y] = [at(number, 11), at(number, 12)];
      shape(ctx, number % 3 ? "#6a994a" : "#95c272", [x - 0.03, y], [x + 0.04, y - 0.17], [x + 0.05, y]);
    }
    for (let number = 0; number < 14; number++) {
      const [x, y] = [at(number, 21), at(number, 22)];
      const petals = ["#fff6d8", "#f6d3e0", "#f7e27a"][number % 3];
      everywhere(x, y, (x, y) => {
        for (const [dx, dy] of [[0.06, 0], [-0.06, 0], [0, 0.05], [0, -0.05]]) oval(ctx, x + dx, y + dy, 0.05, 0.04, petals);
        oval(ctx, x, y, 0.04, 0.035, "#d9a526");
      });
    }
  } else {
    ctx.strokeStyle = "rgb(0 0 0 / .16)";
    ctx.lineWidth = 0.06;
    ctx.beginPath();
    for (let row = 0; row < 8; row++) {
      ctx.moveTo(0, row);
      ctx.lineTo(8, row);
      if (ground.extra === "furrows") continue;
      for (let column = row % 2; column <= 8; column += 2) {
        ctx.moveTo(column, row);
        ctx.lineTo(column, row + 1);
      }
    }
    ctx.stroke();
  }
  return tile;
}
