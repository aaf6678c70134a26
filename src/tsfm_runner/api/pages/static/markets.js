// Filled soon.
import "./app.js";
