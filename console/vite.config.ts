// Builds the console into build/console, where the server looks for it.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: {
    outDir: "../build/console",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the policy allows no data: in scripts and styles
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: { "/v1": "http://127.0.0.1:7440" } },
});
