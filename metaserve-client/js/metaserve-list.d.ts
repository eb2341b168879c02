/** `<metaserve-list>`: the live list as a table. Importing the module defines the element. */
export interface MetaserveListElement extends HTMLElement {}

declare global {
  interface HTMLElementTagNameMap {
    "metaserve-list": MetaserveListElement;
  }
}
