document.addEventListener("DOMContentLoaded", () => {
  {% include "own/contours.js" %}
  {% include "own/loading.js" %}
  {% include "own/programs.js" %}
  {% include "own/slices.js" %}
  {% include "own/drawing.js" %}
  {% include "own/controls.js" %}
  start();
});
