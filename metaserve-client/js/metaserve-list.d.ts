/** `<metaserve-list>`: the live list as a table. Importing the module defines the element. */
export class MetaserveListElement extends HTMLElement {}

declare global {
  interface HTMLElementTagNameMap {
    "metaserve-list": MetaserveListElement;
  }
}
