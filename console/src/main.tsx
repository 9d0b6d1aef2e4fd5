// The console's beginning: styles, the cache of reads, the router below /console/.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router-dom";
import "./design/tokens.css";
import "./design/base.css";
import "./design/parts.css";
import "./shell/shell.css";
import "./pages/pages.css";
import { App } from "./shell/App";

const client = new QueryClient();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <BrowserRouter basename="/console">
        <App client={client} />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
