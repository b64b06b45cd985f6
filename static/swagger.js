// Starts Swagger UI on the /api page, for the description named by <div id="swagger" data-spec="…">.
"use strict";
(() => {
  const place = document.getElementById("swagger");
  window.SwaggerUIBundle({
    url: place.dataset.spec,
    domNode: place,
    deepLinking: true,
    docExpansion: "none",                                     // the nouns alone: of all calls nobody sees the one
    filter: true,
    persistAuthorization: true,
    validatorUrl: null,                                       // no badge from another host
    presets: [window.SwaggerUIBundle.presets.apis],
  });
})();
