// What the page knows of a zone: its objects at a revision, and where they are shown meanwhile.

// An object is shown where it was this long ago, on its way to where it is: steps become a walk.
const CATCH_UP_MS = 130;
// What goes further at once has not walked.
const JUMP_METRES = 4;

export class Zone {
  id = null;
  rev = 0;
  place = null;
  objects = new Map();
  /** Whether objects walk or jump from place to place. */
  smooth = true;

  clear() {
    this.id = null;
    this.place = null;
    this.objects.clear();
  }

  /** The whole zone. An object that was there before goes on walking from where it is shown. */
  snapshot({ zone, rev, objects, place }, now) {
    const before = zone === this.id ? this.objects : new Map();
    this.id = zone;
    this.rev = rev;
    if (place) this.place = place;
    this.objects = new Map();
    for (const seen of listOf(objects)) {
      if (isObject(seen)) this.objects.set(seen.id, this.#shown(before.get(seen.id), seen, now));
    }
  }

  /**
   * What has changed. The gateway tells everything in order or sends a snapshot, and leaves out
   * revisions in which nothing has changed; so a later revision fits, and an earlier one is known.
   */
  delta({ rev, changed, gone }, now) {
    if (this.id === null || !Number.isSafeInteger(rev) || rev <= this.rev) return;
    this.rev = rev;
    for (const seen of listOf(changed)) {
      if (isObject(seen)) this.objects.set(seen.id, this.#shown(this.objects.get(seen.id), seen, now));
    }
    for (const id of listOf(gone)) this.objects.delete(id);
  }

  #shown(before, it, now) {
    const seen = { ...it, radius: Math.min(Math.max(Number(it.radius) || 0.4, 0.05), 50) };
    if (!before) return { ...seen, shown: { x: seen.x, y: seen.y }, from: null, since: now, facing: 1, moved: -1e9 };
    const [dx, dy] = [seen.x - before.x, seen.y - before.y];
    const jumps = !this.smooth || Math.hypot(seen.x - before.shown.x, seen.y - before.shown.y) > JUMP_METRES;
    const moves = dx !== 0 || dy !== 0;
    return {
      ...seen,
      shown: jumps ? { x: seen.x, y: seen.y } : before.shown,
      from: jumps ? null : moves ? { ...before.shown } : before.from,
      since: moves ? now : before.since,
      facing: Math.abs(dx) > 0.01 ? Math.sign(dx) : before.facing,
      moved: moves && !jumps ? now : before.moved,
    };
  }

  /** Moves everything on to where it is shown now. */
  advance(now) {
    for (const object of this.objects.values()) {
      if (!object.from) continue;
      const share = Math.min(Math.max((now - object.since) / CATCH_UP_MS, 0), 1);
      object.shown.x = object.from.x + (object.x - object.from.x) * share;
      object.shown.y = object.from.y + (object.y - object.from.y) * share;
      if (share === 1) object.from = null;
    }
  }

  /** The one that is called so, players first. */
  called(name) {
    let other;
    for (const object of this.objects.values()) {
      if (object.name !== name) continue;
      if (object.kind === "player") return object;
      other ??= object;
    }
    return other;
  }

  players() {
    return [...this.objects.values()].filter((it) => it.kind === "player");
  }
}

/** A list, whatever it was said to be. */
export const listOf = (it) => (Array.isArray(it) ? it : []);

/** Whether it can be shown: what does not fit is left out, the rest stays right. */
function isObject(it) {
  return typeof it?.id === "string" && Number.isFinite(it.x) && Number.isFinite(it.y);
}
