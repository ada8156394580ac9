// The pages of the API, from its description.
window.SwaggerUIBundle({ url: "/openapi.json", domNode: document.getElementById("api"), deepLinking: true });
