import type { ServerList } from "./server-list.js";

/** `<metaserve-list>`: the live list as a table. Importing the module defines the element. */
export class MetaserveListElement extends HTMLElement {
  /** The list that it shows, while it is in a document. */
  readonly list?: ServerList;
}

declare global {
  interface HTMLElementTagNameMap {
    "metaserve-list": MetaserveListElement;
  }
}
