// The pages of the API, from its description.
const night = matchMedia("(prefers-color-scheme: dark)");
const dim = () => document.documentElement.classList.toggle("dark-mode", night.matches);
night.addEventListener("change", dim);
dim();
window.SwaggerUIBundle({ url: "/openapi.json", domNode: document.getElementById("api"), deepLinking: true });
