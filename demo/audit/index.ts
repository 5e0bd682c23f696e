// A placeholder for the element that shows what left the device.
customElements.define("privet-audit", class extends HTMLElement {});
