// Dark or light: what the system says, until somebody chooses.
import { useSyncExternalStore } from "react";

export type Theme = "dark" | "light";
const listeners = new Set<() => void>();
const theme = () => (document.documentElement.dataset.theme === "light" ? "light" : "dark") as Theme;

export function setTheme(next: Theme) {
  localStorage.setItem("theme", next);
  document.documentElement.dataset.theme = next;
  listeners.forEach((tell) => tell());
}

export function useTheme(): Theme {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, theme);
}
