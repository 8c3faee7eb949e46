// Swagger UI over this server's own description; it asks nobody else for anything.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null, // its default sends the description to a public validator
});
